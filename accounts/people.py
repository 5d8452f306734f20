"""The list of people as staff see it: who is there, since when, and what they have."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import LOCAL_USERNAME, ApiKey, Registration, Session, User
from accounts.names import key_of


@dataclass(frozen=True, slots=True)
class Person:
    """A user and figures about him. `keys` counts the live ones; `stored_bytes` his pictures."""

    user: User
    last_seen: datetime | None
    keys: int
    stored_images: int
    stored_bytes: int


def found(search: str = "", role: str = "") -> QuerySet[User]:
    """Everybody but `local`, by name. `search` looks into names and addresses.

    `role`: user or staff for the active ones of that role, inactive for the others, '' for all.
    """
    users = User.objects.exclude(username=LOCAL_USERNAME)
    if search:
        named = Q(username__icontains=search) | Q(email__icontains=search)
        users = users.filter(
            named | Q(first_name__icontains=search) | Q(last_name__icontains=search)
        )
    if role == "inactive":
        users = users.filter(is_active=False)
    elif role:
        users = users.filter(is_active=True, is_staff=role == "staff")
    return users.order_by("name_key", "pk")


def described(users: QuerySet[User]) -> list[Person]:
    """`users` with their figures, in one query however many they are."""
    now = timezone.now()
    live = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
    keys = ApiKey.objects.filter(user=OuterRef("pk")).order_by().values("user")
    seen = Session.objects.filter(user=OuterRef("pk")).order_by().values("user")
    rows = users.select_related("usage").annotate(
        live_keys=Coalesce(Subquery(keys.filter(live).annotate(n=Count("pk")).values("n")), 0),
        key_used=Subquery(keys.annotate(at=Max("last_used_at")).values("at")),
        session_seen=Subquery(seen.annotate(at=Max("last_seen_at")).values("at")),
    )
    return [_person(row) for row in rows]


def taken(rows: Iterable[Registration]) -> set[str]:
    """Which names of these registrations somebody already has, or looks as if he had."""
    keys = {row.username: key_of(row.username) for row in rows}
    held = set(User.objects.filter(name_key__in=keys.values()).values_list("name_key", flat=True))
    return {name for name, key in keys.items() if key in held}


def _person(row: User) -> Person:
    usage = getattr(row, "usage", None)
    moments = (row.last_login, getattr(row, "key_used", None), getattr(row, "session_seen", None))
    return Person(
        user=row,
        last_seen=max(filter(None, moments), default=None),
        keys=getattr(row, "live_keys", 0),
        stored_images=usage.stored_images if usage else 0,
        stored_bytes=usage.stored_bytes if usage else 0,
    )
