"""Models as the pages show them: rows with what is to be said about each."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Case, IntegerField, Q, QuerySet, When

from accounts.models import User
from modelhub import catalog
from modelhub.families import TRAITS, Family
from modelhub.hashing import UNHASHED
from modelhub.kinds import NAMINGS, Kind
from modelhub.models import Alias, CatalogModel
from modelhub.signals import answers, held, schedulers

State = CatalogModel.State
# What each is called, and the class of its badge.
STATES = {
    State.READY: ("Ready", ""),
    State.MISSING: ("Missing", "badge-danger"),
    State.CORRUPT: ("Damaged", "badge-danger"),
    State.UNSUPPORTED: ("Not supported", "badge-danger"),
    State.DELETING: ("Being deleted", "badge-danger"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """`workers`: how many hold it in memory now."""

    model: CatalogModel
    workers: int = 0
    is_default: bool = False

    @property
    def name(self) -> str:
        return self.model.public_id.split("/", maxsplit=1)[-1]

    @property
    def family(self) -> str:
        """The family's title with the variant, or nothing where neither is known."""
        known = self.model.family in TRAITS
        title = TRAITS[Family(self.model.family)].title if known else self.model.family
        return " ".join(part for part in (title, self.model.variant) if part)

    @property
    def state(self) -> str:
        return STATES[State(self.model.state)][0]

    @property
    def state_class(self) -> str:
        return STATES[State(self.model.state)][1]

    @property
    def is_ready(self) -> bool:
        return self.model.state == State.READY

    @property
    def waits_for_digest(self) -> bool:
        return not self.model.sha256 and self.model.state not in UNHASHED

    @property
    def is_leaving(self) -> bool:
        return self.model.state == State.DELETING

    @property
    def can_be_default(self) -> bool:
        ready = self.is_ready and self.model.enabled
        return ready and self.model.kind == Kind.CHECKPOINT and not self.model.is_default

    @property
    def draws(self) -> bool:
        return catalog.draws(self.model)


def found(user: User, text: str = "", kind: str = "") -> QuerySet[CatalogModel]:
    """What `user` may see: staff everything, others what can be used; checkpoints first."""
    rows = catalog.seen_by(user)
    if not user.is_staff:
        rows = rows.filter(state=State.READY)
    if kind:
        rows = rows.filter(kind=kind)
    if text:
        called = Alias.objects.filter(name__icontains=text).values("model")
        rows = rows.filter(
            Q(public_id__icontains=text) | Q(family__icontains=text) | Q(variant__icontains=text)
            | Q(pk__in=called)
        )  # fmt: skip
    first = Case(When(kind=Kind.CHECKPOINT, then=0), default=1, output_field=IntegerField())
    rows = rows.alias(first=first).order_by("first", "kind", "public_id")
    return rows.select_related("duplicate_of").prefetch_related("aliases")


def shown(models: list[CatalogModel], user: User) -> list[Shown]:
    warm, default = in_memory(), catalog.default(user)
    pk = default.pk if default else None
    return [Shown(model, warm[model.public_id], model.pk == pk) for model in models]


def kinds(user: User) -> list[tuple[str, str, int]]:
    """The kinds there are, with their titles and how many of each."""
    counts = Counter(found(user).order_by().values_list("kind", flat=True))
    return [
        (kind.value, NAMINGS[kind].title, counts[kind.value]) for kind in Kind if counts[kind.value]
    ]


def in_memory() -> Counter[str]:
    """Public id -> how many workers hold it."""
    return Counter(public_id for ids in answers(held) for public_id in ids)


def scheduler_choices() -> list[tuple[str, str]]:
    return [pair for pairs in answers(schedulers) for pair in pairs]
