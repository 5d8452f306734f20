"""Who works at a download: the claim, its heartbeat, and the fence that makes late writes miss."""

import logging
import os
import secrets
import socket
import threading
import time
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from django.db.models import Case, DateTimeField, ExpressionWrapper, F, Q, QuerySet, When
from django.db.models.functions import Coalesce, Now

from modelhub.downloads import telling
from modelhub.models import Download

if TYPE_CHECKING:
    from django.db.models.expressions import CombinedExpression

    # Not subscriptable while the program runs.
    Moment = ExpressionWrapper[CombinedExpression]

logger = logging.getLogger(__name__)
Status = Download.Status
ACTIVE = (Status.DOWNLOADING, Status.VERIFYING)
# Rows and pages hear this often how far it is, in seconds.
BEAT_SECONDS = 0.5
# And so soon a cancel is seen.
LOOK_SECONDS = 0.25
# Speed is told over so many seconds: it must not jump with every piece.
SPEED_SECONDS = 5.0
# And the log, where nobody looks at a page.
LOG_SECONDS = 15.0


class Lost(Exception):
    """The download is no longer ours: cancelled, deleted, or given to another after a silence."""


class Claim:
    """One hold on one download. The fetching thread counts, the keeper's thread writes it down."""

    def __init__(self, download: Download) -> None:
        self.download = download
        self.holder = download.holder
        self.over = threading.Event()
        # How often it failed since anything had come; a bad line costs no try as long as it moves.
        self.failures = download.attempts
        self.done = download.done_bytes
        self.fetched = download.fetched_bytes
        self._speed, self._counted, self._at = 0.0, self.fetched, time.monotonic()
        self._logged = self._at

    def held(self) -> QuerySet[Download]:
        """The row, or nothing when the claim no longer stands."""
        return Download.objects.filter(pk=self.download.pk, holder=self.holder, status__in=ACTIVE)

    def write(self, **values: Any) -> None:
        """Change the row; raises Lost where it is no longer ours."""
        if not self.held().update(**values):
            self.over.set()
            raise Lost
        telling.tell()

    def look(self) -> None:
        """Beat when it is time; until then only see whether the claim still stands."""
        if time.monotonic() - self._at >= min(BEAT_SECONDS, settings.ALICE_LEASE_SECONDS / 5):
            self.beat()
        elif not self.held().exists():
            self.over.set()

    def beat(self) -> None:
        """Extend the lease and tell how far it is; sets `over` where the claim no longer stands."""
        now = time.monotonic()
        weight = min(1.0, (now - self._at) / SPEED_SECONDS)
        pace = (self.fetched - self._counted) / max(now - self._at, 1e-3)
        self._speed += (pace - self._speed) * weight
        self._counted, self._at = self.fetched, now
        stands = self.held().update(
            lease_until=_lease(),
            done_bytes=self.done,
            fetched_bytes=self.fetched,
            bytes_per_second=self._speed,
            attempts=self.failures,
        )
        if not stands:
            self.over.set()
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            logger.info(
                "%s: %d of %s bytes, %.1f MB/s", self.download.name, self.done,
                self.download.total_bytes or "unknown many", self._speed / 1e6,
            )  # fmt: skip
        telling.tell()


def due() -> QuerySet[Download]:
    """What somebody should work at now: waiting, or left by a holder who went silent."""
    return Download.objects.filter(
        Q(status=Status.QUEUED, next_try_at__lte=Now())
        | Q(status__in=ACTIVE, lease_until__lte=Now())
    )


def take(only: Download | None = None) -> Claim | None:
    """The download that waits longest, or None; `only` that one."""
    waiting = due() if only is None else due().filter(pk=only.pk)
    while row := waiting.order_by("next_try_at", "created_at").first():
        holder = f"{socket.gethostname()[:32]}:{os.getpid()}/{secrets.token_hex(6)}"
        won = waiting.filter(pk=row.pk).update(
            # Whoever falls silent in the middle may have died of it.
            attempts=Case(
                When(status=Status.QUEUED, then=F("attempts")), default=F("attempts") + 1
            ),
            status=Status.DOWNLOADING,
            holder=holder,
            lease_until=_lease(),
            started_at=Coalesce("started_at", Now()),
            bytes_per_second=0.0,
            error_message="",
        )
        if won:
            telling.tell()
            return Claim(Download.objects.get(pk=row.pk))
    return None


def give_back(claim: Claim, seconds: float = 0.0, **values: Any) -> None:
    """Back into the line, to be tried again in `seconds`."""
    claim.write(
        status=Status.QUEUED,
        holder="",
        lease_until=None,
        next_try_at=_from_now(seconds),
        bytes_per_second=0.0,
        done_bytes=claim.done,
        fetched_bytes=claim.fetched,
        attempts=claim.failures,
        **values,
    )


def end(claim: Claim, status: Download.Status, **values: Any) -> None:
    claim.write(
        status=status,
        holder="",
        lease_until=None,
        finished_at=Now(),
        bytes_per_second=0.0,
        done_bytes=claim.done,
        fetched_bytes=claim.fetched,
        attempts=claim.failures,
        **values,
    )


class Keeper:
    """Beats for the claims of this process, in a thread of its own: a silent server blocks ours."""

    def __init__(self) -> None:
        self._claims: dict[str, Claim] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="downloads", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    @property
    def idle(self) -> bool:
        return not self._claims

    def keep(self, claim: Claim) -> None:
        self._claims[claim.holder] = claim

    def forget(self, claim: Claim) -> None:
        self._claims.pop(claim.holder, None)

    def _run(self) -> None:
        try:
            while not self._done.wait(LOOK_SECONDS):
                for claim in list(self._claims.values()):
                    self._look(claim)
        finally:
            connections.close_all()

    def _look(self, claim: Claim) -> None:
        try:
            claim.look()
        except (OperationalError, InterfaceError) as error:
            logger.warning("Download %s was not renewed: %s", claim.download.pk, error)
            connections.close_all()


def _lease() -> "Moment":
    return _from_now(float(settings.ALICE_LEASE_SECONDS))


def _from_now(seconds: float) -> "Moment":
    """By the database's clock: hosts' clocks differ and jump, that one is shared."""
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())
