"""The downloads as the page shows them: what is under way, then what was last."""

from typing import Any

from django.db.models import Case, IntegerField, QuerySet, Value, When

from modelhub.downloads import shapes
from modelhub.models import Download

SHOWN = 50


def board() -> dict[str, Any]:
    """Small enough for one message, whatever the table holds."""
    return {"downloads": [_shown(row) for row in newest()[:SHOWN]]}


def _shown(row: Download) -> dict[str, Any]:
    return shapes.task(row) | {"sourceTitle": row.get_source_display()}


def newest() -> QuerySet[Download]:
    first = Case(
        When(status__in=Download.OPEN, then=Value(0)),
        default=Value(1),
        output_field=IntegerField(),
    )
    return Download.objects.select_related("model").order_by(first, "-created_at", "-pk")
