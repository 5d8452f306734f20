"""What is somebody's own, in JSON: take it away, or have it erased."""

from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit, throttle
from accounts.api import account
from accounts.audit import Action
from accounts.authentication import Identity, caller, require
from accounts.bodies import Body, Words
from accounts.models import LOCAL_USERNAME, User
from accounts.problems import Forbidden, Invalid
from accounts.signing_in import require_recent
from aliceproject.personal import erase, export
from gallery import archive

# An export reads every row and file that somebody has.
EXPORTS_A_MINUTE = 3


class EraseBody(Body):
    confirm = Words(max_length=150, trim_whitespace=False)


class Me(account.Me):
    def delete(self, request: Request) -> Response:
        """Erases the caller's account; `confirm` is its user name. In a session only."""
        identity = caller(request)
        body = EraseBody(data=request.data)
        if not identity.session:
            raise Forbidden("An account is erased in a session, not with a key.")
        require_recent(request._request)  # noqa: SLF001 DRF has no other door to Django's request
        body.is_valid(raise_exception=True)
        confirm(identity.user, body.validated_data["confirm"])
        erase.start(identity.user, source(request, identity))
        return Response({"success": True}, status=202)


class Export(APIView):
    permission_classes = [account.Known]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require(caller(request), "read")

    def get(self, request: Request) -> Response:
        """What an export would hold; POST makes it."""
        return Response({"object": "export", **export.summary(caller(request).user)})

    def post(self, request: Request) -> HttpResponseBase:
        """Everything that is the caller's, as a zip."""
        identity = caller(request)
        if identity.session:
            require_recent(request._request)  # noqa: SLF001 as above
        return download(identity.user, source(request, identity))


def download(user: User, by: audit.Source) -> HttpResponseBase:
    """The zip of everything, noted in the audit log. Raises RateLimited."""
    throttle.hit(f"export {user.pk}", EXPORTS_A_MINUTE)
    audit.record(Action.DATA_EXPORTED, by, user)
    return archive.download(export.pieces(user), f"alice-{user.username}")


def confirm(user: User, typed: str) -> None:
    """Raises Invalid where `typed` is not the user's name, Forbidden for `local`."""
    if user.username == LOCAL_USERNAME:
        raise Forbidden("The built-in user cannot be erased.")
    if typed != user.username:
        raise Invalid("confirm: type your user name exactly.", param="confirm")


def source(request: Request, identity: Identity) -> audit.Source:
    return audit.source(request._request, identity.user, identity.key)  # noqa: SLF001 as above
