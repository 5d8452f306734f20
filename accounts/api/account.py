"""The account in JSON: who am I, and which keys are mine."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import keys, quotas, tickets
from accounts.api.callers import require_proof, source
from accounts.api.shapes import seconds
from accounts.authentication import Identity, caller
from accounts.bodies import MOST_LISTED, YEAR_9999, Body, Whole, Words
from accounts.credentials import Credential
from accounts.models import SCOPES, ApiKey
from accounts.problems import Forbidden, NotFound

# Keys in a list where nothing is said.
PAGE = 100


class Known(BasePermission):
    """Any caller we know, whatever the scopes."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller(request)
        return True


class MayManageKeys(Known):
    """A person in a session, or a key with the scope `admin`.

    A stolen everyday key must not be able to make itself successors.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        identity = caller(request)
        if not identity.session and "admin" not in identity.scopes:
            raise Forbidden("Keys are managed in a session or with a key of scope 'admin'.")
        return True


class NewKey(Body):
    name = Words(max_length=keys.MAX_NAME)
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES))
    expiresAt = Whole(  # noqa: N815 the name on the wire
        required=False, allow_null=True, min_value=0, max_value=YEAR_9999
    )
    rateLimit = Whole(  # noqa: N815 the name on the wire
        required=False, allow_null=True, min_value=1, max_value=keys.MAX_RATE
    )


class Rotation(Body):
    overlapHours = Whole(  # noqa: N815 the name on the wire
        default=keys.OVERLAP // timedelta(hours=1),
        min_value=0,
        max_value=keys.MAX_OVERLAP // timedelta(hours=1),
    )


class KeysQuery(Body):
    all = serializers.BooleanField(default=False)
    user = serializers.CharField(default="", allow_blank=True)
    limit = serializers.IntegerField(default=PAGE, min_value=1, max_value=MOST_LISTED)
    after = serializers.IntegerField(default=None, min_value=0, max_value=2**63 - 1)


class Me(APIView):
    permission_classes = [Known]

    def get(self, request: Request) -> Response:
        identity = caller(request)
        user = identity.user
        return Response(
            {
                "id": user.pk,
                "username": user.username,
                "email": user.email,
                "isStaff": user.is_staff,
                "scopes": [scope for scope in SCOPES if scope in identity.scopes],
                "key": info(identity.key) if identity.key else None,
                "quotas": quotas.left(user),
            }
        )


class Keys(APIView):
    permission_classes = [MayManageKeys]

    def get(self, request: Request) -> Response:
        """Keys, newest first, live or not; never a secret.

        The caller's own, or for staff those of `user` (a name), or with `all` everybody's. Further
        pages: `after` the last id of this one, while `hasMore`.
        """
        asked = KeysQuery.read(request.query_params.dict())
        wanted = _listed(caller(request), asked["user"], everybody=asked["all"])
        if asked["after"] is not None:
            wanted = wanted.filter(pk__lt=asked["after"])
        limit = asked["limit"]
        found = list(wanted.select_related("user").order_by("-pk")[: limit + 1])
        data = [info(key) for key in found[:limit]]
        return Response({"object": "list", "data": data, "hasMore": len(found) > limit})

    def post(self, request: Request) -> Response:
        """A new key of the caller's own; its secret is in this reply and in no other."""
        require_proof(request)
        identity, wanted = caller(request), NewKey.read(request.data)
        _check_held(identity, wanted["scopes"])
        expiry = wanted.get("expiresAt")
        moment = None if expiry is None else datetime.fromtimestamp(expiry, UTC)
        key, secret = keys.mint(
            identity.user,
            wanted["name"],
            wanted["scopes"],
            moment,
            wanted.get("rateLimit"),
            by=source(request),
        )
        return Response({"key": secret, "info": info(key)}, status=201)


class Generate(Keys):
    """The same by the name that older clients know."""

    http_method_names = ["post", "options"]


class OneKey(APIView):
    permission_classes = [MayManageKeys]

    def delete(self, request: Request, key_id: int) -> Response:
        """Revokes the key: from the next request on it opens nothing. It stays in the list."""
        identity = caller(request)
        key = _found(_within_reach(identity), key_id)
        keys.revoke(key, source(request))
        return Response({"success": True, "info": info(key)})


class Revoke(OneKey):
    http_method_names = ["post", "options"]

    def post(self, request: Request, key_id: int) -> Response:
        return self.delete(request, key_id)


class Rotate(APIView):
    permission_classes = [MayManageKeys]

    def post(self, request: Request, key_id: int) -> Response:
        """A successor of the caller's own key; both open until `overlapHours` are over."""
        require_proof(request)
        identity, wanted = caller(request), Rotation.read(request.data)
        key = _found(ApiKey.objects.filter(user=identity.user), key_id)
        # Whoever rotates learns a secret that opens what the key does.
        _check_held(identity, key.scopes)
        overlap = timedelta(hours=wanted["overlapHours"])
        new, secret = keys.rotate(key, overlap, source(request))
        made = {"key": secret, "info": info(new), "predecessor": info(key)}
        return Response(made, status=201)


class Tickets(APIView):
    permission_classes = [Known]

    def post(self, request: Request) -> Response:
        """A ticket that opens one websocket, for programs that cannot send a header with it."""
        Body.read(request.data)
        identity = caller(request)
        made = tickets.issue(identity.user, Credential.of(identity, request._request))  # noqa: SLF001 as in AliceAuthentication
        told = {"ticket": made.ticket, "expiresAt": int(made.expires_at.timestamp())}
        return Response(told, status=201)


def info(key: ApiKey) -> dict[str, Any]:
    """What may be known of a key: everything but the secret. Times in Unix seconds."""
    return {
        "id": key.pk,
        "name": key.name,
        "user": key.user.username,
        "prefix": f"{keys.MARK}{key.prefix}",
        "createdAt": seconds(key.created_at),
        "lastUsed": seconds(key.last_used_at),
        "scopes": key.scopes,
        "expiresAt": seconds(key.expires_at),
        "revokedAt": seconds(key.revoked_at),
        "rateLimit": keys.rate_of(key) or None,
        "successor": key.successor_id,
        "enabled": key.active,
        "isAdmin": "admin" in key.scopes,
    }


def _listed(identity: Identity, username: str, *, everybody: bool) -> QuerySet[ApiKey]:
    if not everybody and username in {"", identity.user.username}:
        return ApiKey.objects.filter(user=identity.user)
    if "admin" not in identity.scopes:
        raise Forbidden("Keys of others are for staff to see.")
    within = ApiKey.objects.all()
    return within.filter(user__username=username) if username else within


def _within_reach(identity: Identity) -> QuerySet[ApiKey]:
    """What the caller may revoke: the own keys, and everybody's with the scope `admin`."""
    within = ApiKey.objects.all()
    return within if "admin" in identity.scopes else within.filter(user=identity.user)


def _found(within: QuerySet[ApiKey], key_id: int) -> ApiKey:
    key = within.select_related("user").filter(pk=key_id).first()
    if key is None:
        raise NotFound("There is no such key.")
    return key


def _check_held(identity: Identity, scopes: list[str]) -> None:
    above = set(scopes) - identity.scopes
    if above:
        raise Forbidden(f"You do not hold the scope {', '.join(sorted(above))}.", param="scopes")
