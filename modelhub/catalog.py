"""Looking models up by the names clients use."""

from django.conf import settings
from django.db.models import QuerySet

from modelhub.kinds import NAMINGS, Kind
from modelhub.models import CatalogModel

PREFIX = NAMINGS[Kind.CHECKPOINT].prefix


def usable() -> QuerySet[CatalogModel]:
    """Models a request may name: checkpoints, installed, readable, switched on."""
    return CatalogModel.objects.filter(
        kind=Kind.CHECKPOINT, state=CatalogModel.State.READY, enabled=True
    )


def default() -> CatalogModel | None:
    """ALICE_DEFAULT_MODEL when it names a usable model, else the first installed one."""
    wanted = settings.ALICE_DEFAULT_MODEL
    named = find(wanted) if wanted else None
    return named or usable().order_by("created_at", "pk").first()


def find(name: str) -> CatalogModel | None:
    """The usable model called `name`; a bare name means `sd/` + name."""
    return usable().filter(public_id__in={name, PREFIX + name}).order_by("-public_id").first()


def listed() -> list[CatalogModel]:
    """Every usable model, the default first: some clients take the first of the list."""
    first = default()
    others = usable().order_by("public_id")
    return [first, *others.exclude(pk=first.pk)] if first else []
