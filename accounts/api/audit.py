"""The audit log in JSON, for staff: a page at a time, or all of it as a file."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import streams, telling, trail, trail_files
from accounts.api.callers import source
from accounts.audit import Action
from accounts.bodies import MOST_LISTED, YEAR_9999, Body


def _moment() -> serializers.IntegerField:
    return serializers.IntegerField(required=False, min_value=0, max_value=YEAR_9999)


class AuditFilter(Body):
    """Which entries; `target` is `type:id` or the name of a user, times are Unix seconds."""

    action = serializers.ChoiceField([action.value for action in Action], default="")
    actor = serializers.CharField(default="", max_length=trail.LONGEST["actor"])
    target = serializers.CharField(default="", max_length=trail.LONGEST["target"])
    address = serializers.CharField(default="", max_length=trail.LONGEST["address"])
    since = _moment()
    until = _moment()


class AuditQuery(AuditFilter):
    limit = serializers.IntegerField(default=50, min_value=1, max_value=MOST_LISTED)
    cursor = serializers.CharField(default="", max_length=200)


class AuditExport(AuditFilter):
    format = serializers.ChoiceField(list(trail_files.MEDIA), default="jsonl")


class AuditLog(APIView):
    required_scope: ClassVar = "admin"

    def get(self, request: Request) -> Response:
        """Entries, newest first; `nextCursor` opens the next page, null on the last.

        A page may hold fewer than `limit`: where several filters find little, the next goes on.
        """
        given = AuditQuery.read(request.query_params.dict())
        page = trail.page_of(_wanted(given), given["cursor"] or None, given["limit"])
        names = telling.names_of(page.entries)
        data = [trail_files.shape(entry, names) for entry in page.entries]
        return Response({"object": "list", "data": data, "nextCursor": page.cursor})


class Export(APIView):
    required_scope: ClassVar = "admin"

    def post(self, request: Request) -> HttpResponseBase:
        """All that fits, newest first, as a file; the export itself is in the log."""
        given = AuditExport.read(request.data)
        form = given["format"]
        pieces = trail_files.export(_wanted(given), form, source(request))
        return streams.download(pieces, trail_files.filename(form), trail_files.MEDIA[form])


def _wanted(given: dict[str, Any]) -> trail.Wanted:
    """Raises Invalid for a target that nobody is."""
    return trail.wanted(
        given["action"],
        given["actor"],
        given["target"],
        given["address"],
        since=_at(given.get("since")),
        until=_at(given.get("until")),
    )


def _at(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
