"""Registration in JSON: asking for an account, and what staff decide about it."""

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit, invites, members, people, registration, signing_in
from accounts.api import shapes
from accounts.authentication import caller
from accounts.bodies import Body, Whole, Words
from accounts.models import Invite, Registration
from accounts.problems import NotFound

MOST_LISTED = 200
YEAR_9999 = 253_370_764_800


class NewRegistration(Body):
    username = Words(max_length=150, trim_whitespace=False)
    password = Words(max_length=members.LONGEST_PASSWORD, trim_whitespace=False, write_only=True)
    email = Words(required=False, allow_blank=True, max_length=254)
    message = Words(required=False, allow_blank=True, max_length=registration.LONGEST_WORDS)
    inviteCode = Words(  # noqa: N815 the name on the wire
        required=False, allow_blank=True, max_length=invites.LONGEST_CODE
    )


class NewInvite(Body):
    uses = Whole(default=1, min_value=1, max_value=invites.MOST_USES)
    expiresAt = Whole(  # noqa: N815 the name on the wire
        required=False, allow_null=True, min_value=0, max_value=YEAR_9999
    )
    note = Words(default="", allow_blank=True, max_length=invites.LONGEST_NOTE)


class Rejection(Body):
    reason = Words(default="", allow_blank=True, max_length=registration.LONGEST_WORDS)


class ListQuery(Body):
    """Which part of a list, newest first."""

    limit = serializers.IntegerField(default=50, min_value=1, max_value=MOST_LISTED)
    offset = serializers.IntegerField(default=0, min_value=0, max_value=10_000)


class PendingQuery(ListQuery):
    """Which requests to list, newest first."""

    status = serializers.ChoiceField(Registration.Status.choices, default="pending")


class Register(APIView):
    """For strangers: credentials are not looked at."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        """201 with an account, 202 with a request that waits; both know their `status`."""
        registration.require_open()
        given = NewRegistration.read(request.data)
        wanted = registration.Application(
            given["username"],
            given["password"],
            given.get("email", ""),
            given.get("message", ""),
            given.get("inviteCode", ""),
        )
        # Nobody is asking, whatever session the browser has.
        row = registration.register(wanted, stranger(request._request))  # noqa: SLF001 DRF has no other door to Django's request
        waits = row.status == Registration.Status.PENDING
        return Response(shapes.registration(row), status=202 if waits else 201)


class RegistrationOf(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request, registration_id: UUID) -> Response:
        """What became of it; the id is the proof of having asked."""
        row = registration.find(registration_id, stranger(request._request))  # noqa: SLF001 DRF has no other door to Django's request
        return Response(shapes.registration(row))


class Invites(APIView):
    required_scope: ClassVar = "admin"

    def get(self, request: Request) -> Response:
        """Invites, newest first; never a code."""
        given = ListQuery.read(request.query_params)
        rows = Invite.objects.select_related("created_by")
        page = rows[given["offset"] : given["offset"] + given["limit"]]
        data = [shapes.invite(row) for row in page]
        return Response({"object": "list", "data": data, "total": rows.count()})

    def post(self, request: Request) -> Response:
        """A new invite; its code is in this reply and in no other."""
        require_proof(request)
        given = NewInvite.read(request.data)
        expiry = given.get("expiresAt")
        row, code = invites.make(
            source(request),
            uses=given["uses"],
            expires_at=None if expiry is None else datetime.fromtimestamp(expiry, UTC),
            note=given["note"],
        )
        url = link(request._request, code)  # noqa: SLF001 DRF has no other door to Django's request
        return Response({"code": code, "url": url, "info": shapes.invite(row)}, status=201)


class OneInvite(APIView):
    required_scope: ClassVar = "admin"

    def delete(self, request: Request, invite_id: int) -> Response:
        """Revokes the invite. It stays in the list."""
        row = Invite.objects.select_related("created_by").filter(pk=invite_id).first()
        if row is None:
            raise NotFound("There is no such invite.")
        invites.revoke(row, source(request))
        return Response({"success": True, "info": shapes.invite(row)})


class Pending(APIView):
    required_scope: ClassVar = "admin"

    def get(self, request: Request) -> Response:
        """Who waits for a decision, newest first; with `status` those decided so."""
        given = PendingQuery.read(request.query_params)
        start, size = given["offset"], given["limit"]
        rows = Registration.objects.filter(status=given["status"])
        page = list(rows.select_related("decided_by")[start : start + size])
        taken = people.taken(page)
        data = [shapes.request(row, taken=row.username in taken) for row in page]
        return Response({"object": "list", "data": data, "total": rows.count()})


class Approve(APIView):
    required_scope: ClassVar = "admin"

    def post(self, request: Request, registration_id: UUID) -> Response:
        require_proof(request)
        Body.read(request.data)
        row = _asked(registration_id)
        user = registration.approve(row, source(request))
        return Response({"success": True, "userId": user.pk, "info": _decided(row)})


class Reject(APIView):
    required_scope: ClassVar = "admin"

    def post(self, request: Request, registration_id: UUID) -> Response:
        row = _asked(registration_id)
        registration.reject(row, Rejection.read(request.data)["reason"], source(request))
        return Response({"success": True, "info": _decided(row)})


def source(request: Request) -> audit.Source:
    """Whoever a checked request comes from."""
    identity = caller(request)
    return audit.source(request._request, identity.user, identity.key)  # noqa: SLF001 DRF has no other door to Django's request


def require_proof(request: Request) -> None:
    """For deeds a stolen session must not do; a key proves itself. Raises Forbidden
    `confirmation_required`.
    """
    if caller(request).session:
        signing_in.require_recent(request._request)  # noqa: SLF001 DRF has no other door to Django's request


def stranger(request: HttpRequest) -> audit.Source:
    """The place a request comes from, whoever sends it."""
    here = audit.source(request)
    return audit.Source(None, None, here.address, here.request_id)


def link(request: HttpRequest, code: str) -> str:
    """Where somebody with an invite's code registers."""
    base = settings.ALICE_PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
    return f"{base}/web/register?invite={code}"


def _asked(registration_id: UUID) -> Registration:
    row = Registration.objects.filter(pk=registration_id).first()
    if row is None:
        raise NotFound("There is no such registration.")
    return row


def _decided(row: Registration) -> dict[str, Any]:
    return shapes.request(row, taken=bool(people.taken([row])))
