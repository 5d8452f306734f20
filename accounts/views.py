"""The account in JSON: who am I, and which keys are mine."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import keys
from accounts.authentication import caller
from accounts.models import SCOPES, ApiKey
from accounts.problems import Forbidden, Invalid, NotFound

YEAR_9999 = 253_370_764_800


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


class NewKey(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=keys.MAX_NAME)
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES))
    expiresAt = serializers.IntegerField(  # noqa: N815 the name on the wire
        required=False, allow_null=True, min_value=0, max_value=YEAR_9999
    )

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(str(name) for name in set(data) - set(self.fields))
            if unknown:
                raise Invalid(f"Unknown parameter {unknown[0]!r}.", param=unknown[0])
        return super().to_internal_value(data)


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
            }
        )


class Keys(APIView):
    permission_classes = [MayManageKeys]

    def get(self, request: Request) -> Response:
        """The caller's own keys, newest first, live or not; never a secret."""
        mine = caller(request).user.api_keys.select_related("user")
        return Response({"object": "list", "data": [info(key) for key in mine]})

    def post(self, request: Request) -> Response:
        """A new key of the caller's own; its secret is in this reply and in no other."""
        identity, body = caller(request), NewKey(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        above = set(wanted["scopes"]) - identity.scopes
        if above:
            raise Forbidden(f"You do not hold {', '.join(sorted(above))}.", param="scopes")
        expiry = wanted.get("expiresAt")
        moment = None if expiry is None else datetime.fromtimestamp(expiry, UTC)
        key, secret = keys.mint(identity.user, wanted["name"], wanted["scopes"], moment)
        return Response({"key": secret, "info": info(key)}, status=201)


class OneKey(APIView):
    permission_classes = [MayManageKeys]

    def delete(self, request: Request, key_id: int) -> Response:
        """Revokes the key: from the next request on it opens nothing. It stays in the list."""
        key = caller(request).user.api_keys.filter(pk=key_id).first()
        if key is None:
            raise NotFound("There is no such key.")
        keys.revoke(key)
        return Response({"success": True, "info": info(key)})


class Revoke(OneKey):
    http_method_names = ["post", "options"]

    def post(self, request: Request, key_id: int) -> Response:
        return self.delete(request, key_id)


def info(key: ApiKey) -> dict[str, Any]:
    """What may be known of a key: everything but the secret. Times in Unix seconds."""
    return {
        "id": key.pk,
        "name": key.name,
        "prefix": f"{keys.MARK}{key.prefix}",
        "createdAt": _seconds(key.created_at),
        "lastUsed": _seconds(key.last_used_at),
        "scopes": key.scopes,
        "expiresAt": _seconds(key.expires_at),
        "rateLimit": None,
        "enabled": key.active,
        "isAdmin": "admin" in key.scopes,
    }


def _seconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None
