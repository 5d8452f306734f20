"""How long pictures are kept, in JSON: statistics and cleanup for staff, one's own wish."""

from typing import Any, ClassVar

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.callers import source
from accounts.authentication import caller, require
from accounts.models import User
from gallery import retention
from gallery.api import bodies
from gallery.statistics import statistics

# A caller waits for the answer: what is left then goes at the next cleanup.
LONGEST_CLEANUP = 60.0


class Stats(APIView):
    required_scope: ClassVar = "admin"

    def get(self, request: Request) -> Response:
        """Everybody's pictures in figures."""
        found = statistics()
        return Response(
            {
                "total": found.total,
                "public": found.public,
                "private": found.private,
                "expired": found.expired,
                "lost": found.lost,
                "bytes": found.bytes,
            }
        )


class Cleanup(APIView):
    required_scope: ClassVar = "admin"

    def post(self, request: Request) -> Response:
        """Apply the rules of retention now; with `dryRun` only say what they would do."""
        body = bodies.CleanupBody.read(request.data)
        done = retention.clean(source(request), dry_run=body["dryRun"], seconds=LONGEST_CLEANUP)
        return Response({"success": True, **retention.totals(done)})


class Keeping(APIView):
    """After how many days the caller's own pictures go."""

    required_scope: ClassVar = "read"

    def get(self, request: Request) -> Response:
        return Response(keeping(caller(request).user))

    def put(self, request: Request) -> Response:
        require(caller(request), "generate")
        user = caller(request).user
        retention.set_days(user, bodies.KeepingBody.read(request.data)["days"])
        return Response(keeping(user))


def keeping(user: User) -> dict[str, Any]:
    """`days` is the user's wish, `serverDays` the operator's rule, `effectiveDays` the shorter of
    both; null: no such rule.
    """
    return {
        "days": retention.days_of(user),
        "serverDays": settings.ALICE_RETENTION_DAYS or None,
        "effectiveDays": retention.effective_days(user),
    }
