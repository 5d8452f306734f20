"""Looking models up by the names clients use, as far as whoever asks may know of them.

`user` is who asks; None is the server itself, which sees all.
"""

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import User
from modelhub import bounds
from modelhub.families import TRAITS
from modelhub.kinds import NAMINGS, Kind
from modelhub.models import Alias, CatalogModel

PREFIX = NAMINGS[Kind.CHECKPOINT].prefix
State = CatalogModel.State
UNUSABLE = {
    State.MISSING: "its files are missing",
    State.CORRUPT: "its files are damaged",
    State.UNSUPPORTED: "it is not supported",
    State.DELETING: "it is being deleted",
}


def seen_by(user: User | None) -> QuerySet[CatalogModel]:
    """Models of every kind and state that `user` may know of."""
    return CatalogModel.objects.all() if user is None or user.is_staff else for_everybody()


def for_everybody() -> QuerySet[CatalogModel]:
    """Models that whoever asks may know of, strangers too."""
    return CatalogModel.objects.filter(enabled=True, visibility=CatalogModel.Visibility.EVERYONE)


def usable(user: User | None, *kinds: Kind) -> QuerySet[CatalogModel]:
    """Models a request of `user` may name: installed, readable, switched on; checkpoints unless
    other kinds are asked for.
    """
    rows = seen_by(user).filter(state=State.READY, enabled=True)
    return rows.filter(kind__in=kinds or (Kind.CHECKPOINT,))


def default(user: User | None) -> CatalogModel | None:
    """The model staff made the default, else ALICE_DEFAULT_MODEL, else the first installed one;
    the first of them that `user` may use.
    """
    rows = usable(user)
    wanted = settings.ALICE_DEFAULT_MODEL
    return (
        rows.filter(is_default=True).first()
        or (find(wanted, user) if wanted else None)
        or rows.order_by("created_at", "pk").first()
    )


def find(name: str, user: User | None) -> CatalogModel | None:
    """The usable checkpoint called `name`; a bare name means `sd/` + name. Models beat aliases."""
    if not _storable(name):
        return None
    return usable(user).filter(public_id__in=_ids(name)).order_by("-public_id").first() or (
        usable(user).filter(aliases__name__in=_alias_names(name)).order_by("aliases__name").first()
    )


def ready(public_id: str, user: User | None) -> CatalogModel | None:
    """The usable checkpoint of exactly this id: what an order once resolved is bound to."""
    return usable(user).filter(public_id=public_id).first()


def installed(name: str, user: User | None) -> CatalogModel | None:
    """The model of any kind and state called `name`, by its id, its bare name or an alias."""
    if not _storable(name):
        return None
    rows = seen_by(user)
    return rows.filter(public_id__in=_ids(name)).order_by("-public_id").first() or (
        rows.filter(aliases__name__in=_alias_names(name)).order_by("aliases__name").first()
    )


def listed(user: User | None) -> list[CatalogModel]:
    """Every usable checkpoint, the default first: some clients take the first of the list."""
    first = default(user)
    others = usable(user).order_by("public_id")
    return [first, *others.exclude(pk=first.pk)] if first else []


def draws(model: CatalogModel) -> bool:
    """Whether it makes pictures by itself, of a family that is known."""
    return model.kind == Kind.CHECKPOINT and model.family in TRAITS


def is_alias(name: str) -> bool:
    return _storable(name) and Alias.objects.filter(name__in=_alias_names(name)).exists()


def refusal(name: str, user: User | None) -> str:
    """Why `find` finds nothing, without a word about what `user` may not know."""
    shown = repr(name[:200])
    known = installed(name, user)
    if known is None:
        if is_alias(name):
            return f"The alias {shown} stands for a model that is not available to you."
        return f"The model {shown} does not exist here."
    if known.kind != Kind.CHECKPOINT:
        return f"{shown} draws nothing by itself: it is a {known.get_kind_display()}."
    why = UNUSABLE.get(State(known.state), "it is switched off")
    whose = f"The alias {shown} stands for {known.public_id}, which" if is_alias(name) else shown
    return f"{whose} cannot be used now: {why}."


def _ids(name: str) -> set[str]:
    return {name, PREFIX + name}


def _alias_names(name: str) -> set[str]:
    """Some clients put `sd/` before every name."""
    return {name, name.removeprefix(PREFIX)}


def _storable(name: str) -> bool:
    """PostgreSQL cannot even be asked for any other."""
    return not bounds.UNSTORABLE.search(name)
