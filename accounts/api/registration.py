"""Registration in JSON: asking for an account, and what staff decide about it."""

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit, invites, members, people, registration
from accounts.api import shapes
from accounts.api.callers import require_proof, source
from accounts.bodies import YEAR_9999, Body, ListQuery, Whole, Words
from accounts.models import Invite, Registration
from accounts.origin import base_url
from accounts.problems import NotFound


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
        row = registration.register(wanted, audit.stranger(request._request))  # noqa: SLF001 DRF has no other door to Django's request
        waits = row.status == Registration.Status.PENDING
        return Response(shapes.registration(row), status=202 if waits else 201)


class RegistrationOf(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request, registration_id: UUID) -> Response:
        """What became of it; the id is the proof of having asked."""
        row = registration.find(registration_id, audit.stranger(request._request))  # noqa: SLF001 DRF has no other door to Django's request
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
        url = invites.link(base_url(request._request), code)  # noqa: SLF001 DRF has no other door to Django's request
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


def _asked(registration_id: UUID) -> Registration:
    row = Registration.objects.filter(pk=registration_id).first()
    if row is None:
        raise NotFound("There is no such registration.")
    return row


def _decided(row: Registration) -> dict[str, Any]:
    return shapes.request(row, taken=bool(people.taken([row])))
