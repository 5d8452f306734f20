"""How long pictures stay: shares that ended, age, and the room that all of them take.

A picture marked `keep` is only ever unshared. A favourite is a favourite: it is not protected.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import User
from gallery import storage
from gallery.alone import alone
from gallery.models import Image, Retention

# Whoever ordered a picture has this long to fetch it, however little room there is.
YOUNGEST = timedelta(hours=1)
GIGABYTE = 10**9
LONGEST_DAYS = 36500


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What one rule did or would do. `complete` is False where the time was up first."""

    rule: str
    deleted: int = 0
    unshared: int = 0
    freed_bytes: int = 0
    complete: bool = True

    def __add__(self, other: "Cleaned") -> "Cleaned":
        return Cleaned(
            self.rule,
            self.deleted + other.deleted,
            self.unshared + other.unshared,
            self.freed_bytes + other.freed_bytes,
            self.complete and other.complete,
        )


@dataclass(slots=True)
class Round:
    """One run of all rules: `dry` only counts; no batch begins after `until` (monotonic)."""

    dry: bool = False
    until: float = float("inf")
    now: datetime = field(default_factory=timezone.now)
    freed_bytes: int = 0
    # User ids and the moment before which their own wish wants pictures gone.
    wishes: dict[int, datetime] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.until

    def before(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    def doomed(self, image: Image) -> bool:
        """Whether a rule before `size` wants the picture gone: a dry run counts it only there."""
        by_wish = image.created_at < self.wishes.get(image.owner_id, image.created_at)
        by_age = settings.ALICE_RETENTION_DAYS and image.created_at < self.before(
            settings.ALICE_RETENTION_DAYS
        )
        return bool(by_wish or by_age or self.share_doomed(image))

    def share_doomed(self, image: Image) -> bool:
        ended = image.public_until is not None and image.public_until <= self.now
        return settings.ALICE_DELETE_EXPIRED_PUBLIC and image.is_public and ended


def clean(
    by: audit.Source = audit.SYSTEM, *, dry_run: bool = False, seconds: float = float("inf")
) -> list[Cleaned]:
    """Apply every rule once, for about `seconds` at most; what each of them did, in order.

    Safe beside people and workers, and after any interruption: the next one goes on. Raises
    alone.AtWork while another one runs. `dry_run` changes nothing.
    """
    with alone("cleanup"):
        this = Round(dry_run, time.monotonic() + seconds)
        server = settings.ALICE_RETENTION_DAYS or float("inf")
        wishes = Retention.objects.filter(days__lt=min(server, 10**6)).order_by("pk")
        this.wishes = {wish.user_id: this.before(wish.days) for wish in wishes}
        if not dry_run:
            storage.finish_deletions()
        done = []
        for rule in RULES:
            done.append(rule(this))
            this.freed_bytes += done[-1].freed_bytes
        if not dry_run and any(one.deleted or one.unshared for one in done):
            rules = {one.rule: asdict(one) for one in done if one.deleted or one.unshared}
            audit.record(audit.Action.GALLERY_CLEANED, by, rules=rules)
    return done


def ended_shares(this: Round) -> Cleaned:
    """Ends the shares whose time is over, and deletes their pictures where the setting says so."""
    ended = _present().filter(is_public=True, public_until__lte=this.now)
    if not settings.ALICE_DELETE_EXPIRED_PUBLIC:
        return _unshare(ended, this)
    kept = _unshare(ended.filter(keep=True), this)
    return _delete("ended_shares", ended.filter(keep=False), this) + kept


def age(this: Round) -> Cleaned:
    """ALICE_RETENTION_DAYS, for everybody's pictures."""
    days = settings.ALICE_RETENTION_DAYS
    if not days:
        return Cleaned("age")
    return _delete("age", _unkept().filter(created_at__lt=this.before(days)), this)


def personal_age(this: Round) -> Cleaned:
    """What people asked for themselves, where that is shorter than the server's own rule."""
    total = Cleaned("personal_age")
    oldest = settings.ALICE_RETENTION_DAYS
    for user_id, moment in this.wishes.items():
        old = _unkept().filter(owner=user_id, created_at__lt=moment)
        if oldest:
            # The rest went by the server's rule.
            old = old.filter(created_at__gte=this.before(oldest))
        total += _delete("personal_age", old, this)
    return total


def size(this: Round) -> Cleaned:
    """ALICE_RETENTION_GB: the oldest go until the rest fits, but none of the last hour."""
    total = Cleaned("size")
    if not settings.ALICE_RETENTION_GB:
        return total
    excess = storage.used_bytes() - settings.ALICE_RETENTION_GB * GIGABYTE
    if this.dry:
        excess -= this.freed_bytes + storage.doomed_bytes()
    old = _unkept().filter(created_at__lt=this.now - YOUNGEST)
    for batch in _batches(old, this) if excess > 0 else ():
        left = [image for image in batch if not (this.dry and this.doomed(image))]
        # Cut where the rest fits: no picture goes that had not to.
        total += _gone("size", old, list(_until_freed(left, excess - total.freed_bytes)), this)
        if total.freed_bytes >= excess:
            return total
    return replace(total, complete=not this.over)


RULES: tuple[Callable[[Round], Cleaned], ...] = (ended_shares, age, personal_age, size)


def days_of(user: User) -> int | None:
    """After how many days the user wants pictures deleted; None: never."""
    wish = Retention.objects.filter(user=user).first()
    return wish.days if wish else None


def set_days(user: User, days: int | None) -> None:
    """1..36500 days, or None: keep pictures as long as the server does."""
    if days is None:
        Retention.objects.filter(user=user).delete()
    else:
        Retention.objects.update_or_create(user=user, defaults={"days": days})


def effective_days(user: User) -> float | None:
    """After how many days a picture of the user's goes, by whichever rule; None: it stays."""
    rules = [days_of(user), settings.ALICE_RETENTION_DAYS]
    return min((days for days in rules if days), default=None)


def totals(done: Sequence[Cleaned]) -> dict[str, Any]:
    """All rules together, as JSON: deleted, unshared, freedBytes, complete."""
    whole = sum(done, start=Cleaned("all"))
    return {
        "deleted": whole.deleted,
        "unshared": whole.unshared,
        "freedBytes": whole.freed_bytes,
        "complete": whole.complete,
    }


def _present() -> QuerySet[Image]:
    return Image.objects.exclude(state=Image.State.DELETING)


def _unkept() -> QuerySet[Image]:
    return _present().filter(keep=False)


def _unshare(ended: QuerySet[Image], this: Round) -> Cleaned:
    if this.dry:
        return Cleaned("ended_shares", unshared=ended.count())
    count = 0
    for batch in _batches(ended, this):
        # Asked again as it writes: a share that was renewed meanwhile goes on.
        count += ended.filter(pk__in=[image.pk for image in batch]).update(
            is_public=False, public_until=None, visibility_version=F("visibility_version") + 1
        )
    return Cleaned("ended_shares", unshared=count, complete=not this.over)


def _delete(rule: str, wanted: QuerySet[Image], this: Round) -> Cleaned:
    total = Cleaned(rule)
    for batch in _batches(wanted, this):
        counted = [i for i in batch if rule == "ended_shares" or not this.share_doomed(i)]
        total += _gone(rule, wanted, counted if this.dry else batch, this)
    return replace(total, complete=not this.over)


def _gone(rule: str, wanted: QuerySet[Image], batch: list[Image], this: Round) -> Cleaned:
    """Delete those of the batch that the rule still wants gone when they are locked."""
    if not this.dry:
        batch = storage.hide_all(wanted.filter(pk__in=[image.pk for image in batch]))
        storage.remove(batch)
    return Cleaned(rule, len(batch), freed_bytes=sum(image.size_bytes for image in batch))


def _batches(images: QuerySet[Image], this: Round) -> Iterator[list[Image]]:
    """The oldest first, by key: what a batch leaves standing is not met again."""
    ordered = images.order_by("created_at", "id").defer("prompt", "negative_prompt", "recipe")
    batch = list(ordered[: storage.BATCH])
    while batch and not this.over:
        yield batch
        last = batch[-1]
        later = Q(created_at=last.created_at, pk__gt=last.pk) | Q(created_at__gt=last.created_at)
        # The plain bound is what an index can start at.
        batch = list(ordered.filter(later, created_at__gte=last.created_at)[: storage.BATCH])


def _until_freed(batch: list[Image], excess: float) -> Iterator[Image]:
    for image in batch:
        if excess <= 0:
            return
        excess -= image.size_bytes
        yield image
