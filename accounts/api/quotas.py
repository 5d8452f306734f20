"""Quotas in JSON: what roles and single users may use, set by staff."""

from dataclasses import asdict
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import granting, quotas
from accounts.api.callers import source
from accounts.bodies import Body, ListQuery, Number, Whole
from accounts.granting import MOST_BYTES, MOST_JOBS, MOST_WORK, Whose
from accounts.models import Quota, User
from accounts.problems import NotFound
from accounts.quotas import Limits, camel


def _count(most: int) -> Whole:
    return Whole(default=None, allow_null=True, min_value=0, max_value=most)


class NewLimits(Body):
    """All five limits; one that is null or missing sets no limit."""

    queuedJobs = _count(MOST_JOBS)  # noqa: N815 the name on the wire
    runningJobs = _count(MOST_JOBS)  # noqa: N815 the name on the wire
    imagesPerDay = _count(MOST_JOBS)  # noqa: N815 the name on the wire
    megapixelStepsPerDay = Number(  # noqa: N815 the name on the wire
        default=None, allow_null=True, min_value=0, max_value=MOST_WORK
    )
    storedBytes = _count(MOST_BYTES)  # noqa: N815 the name on the wire


class Quotas(APIView):
    required_scope: ClassVar = "admin"

    def get(self, request: Request) -> Response:
        """The quotas of both roles, set or not, then `data` of users with one of their own."""
        given = ListQuery.read(request.query_params)
        start, size = given["offset"], given["limit"]
        own = User.objects.filter(quota__isnull=False).select_related("quota").order_by("username")
        return Response(
            {
                "object": "list",
                "roles": [shape(role) for role in Quota.Role],
                "data": [shape(user) for user in own[start : start + size]],
                "total": own.count(),
                "limit": size,
                "offset": start,
            }
        )


class OneQuota(APIView):
    """`whose` is `user`, `staff` or a user's id."""

    required_scope: ClassVar = "admin"

    def get(self, request: Request, whose: str) -> Response:
        return Response(shape(named(whose)))

    def put(self, request: Request, whose: str) -> Response:
        """Sets all five limits; null or missing: no limit of this kind."""
        target, given = named(whose), NewLimits.read(request.data)
        limits = {name: given[camel(name)] for name in asdict(Limits())}
        granting.grant(target, Limits(**limits), source(request))
        return Response({"success": True, "quota": shape(target)})

    def delete(self, request: Request, whose: str) -> Response:
        """A user has the role's limits again, a role none."""
        target = named(whose)
        if not granting.withdraw(target, source(request)):
            raise NotFound("Nothing is set here.")
        return Response({"success": True, "quota": shape(target)})


def named(whose: str) -> Whose:
    """A role by its name, or a user by id. Raises NotFound."""
    if whose in Quota.Role.values:
        return Quota.Role(whose)
    user = User.objects.filter(pk=int(whose)).first()
    if user is None:
        raise NotFound("There is no such user.")
    return user


def shape(whose: Whose) -> dict[str, Any]:
    """`set`: whether this role or user has limits of its own; `limits`: those that hold."""
    own = granting.granted(whose)
    if not isinstance(whose, User):
        return {"role": str(whose), "set": own is not None, "limits": _camel(own or Limits())}
    return {
        "userId": whose.pk,
        "username": whose.username,
        "role": str(quotas.role_of(whose)),
        "set": own is not None,
        "limits": _camel(quotas.limits_of(whose)),
        "quotas": quotas.left(whose),
    }


def _camel(limits: Limits) -> dict[str, float | None]:
    return {camel(name): limit for name, limit in asdict(limits).items()}
