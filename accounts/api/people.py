"""People in JSON: who has an account, and what staff change about it."""

from typing import ClassVar

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import members, people
from accounts.api import shapes
from accounts.api.callers import require_proof, source
from accounts.bodies import Body, Flag, ListQuery
from accounts.models import User
from accounts.problems import Missing, NotFound


class PeopleQuery(ListQuery):
    search = serializers.CharField(default="", allow_blank=True, max_length=200)
    role = serializers.ChoiceField(["user", "staff", "inactive", ""], default="")


class Change(Body):
    isActive = Flag(required=False)  # noqa: N815 the name on the wire
    isStaff = Flag(required=False)  # noqa: N815 the name on the wire


class People(APIView):
    required_scope: ClassVar = "admin"

    def get(self, request: Request) -> Response:
        """Users by name, with what they have and when they were last seen."""
        given = PeopleQuery.read(request.query_params)
        start, size = given["offset"], given["limit"]
        users = people.found(given["search"], given["role"])
        data = [shapes.person(shown) for shown in people.described(users[start : start + size])]
        body = {"object": "list", "data": data, "total": users.count()}
        return Response(body | {"limit": size, "offset": start})


class OnePerson(APIView):
    required_scope: ClassVar = "admin"

    def patch(self, request: Request, user_id: int) -> Response:
        """Deactivate, reactivate, make staff or plain: all that is asked for, or nothing."""
        given = Change.read(request.data)
        if not given:
            raise Missing("Give isActive or isStaff.", param="isActive")
        user = User.objects.filter(pk=user_id).first()
        if user is None:
            raise NotFound("There is no such user.")
        if "isStaff" in given or given.get("isActive"):
            require_proof(request)
        with transaction.atomic():
            if "isStaff" in given:
                members.set_role(user, source(request), staff=given["isStaff"])
            if "isActive" in given:
                change = members.reactivate if given["isActive"] else members.deactivate
                change(user, source(request))
        shown = people.described(User.objects.filter(pk=user.pk))[0]
        return Response({"success": True, "user": shapes.person(shown)})
