"""What the server does by itself: chores of the io cluster, and the schedules that call them."""

import logging
import time
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django_q.models import Schedule

from accounts import doorbell
from aliceproject.personal import erase as erasing
from gallery import left_over, retention, sweeping
from gallery.alone import AtWork
from gallery.errors import StorageDown
from generation import jobs
from modelhub import conversion, deleting, hashing, home, scanning
from modelhub.downloads import sweeping as sweeping_downloads
from modelhub.searching import shelf
from modelhub.uploads import sending

logger = logging.getLogger(__name__)
CLUSTER = "io"
INDEX_SECONDS = 60.0
# The io cluster does one thing at a time: a slice of hashing, then whatever waits.
HASH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Chore:
    """A function of this module, and how often it runs. The name is how the row is known again."""

    name: str
    function: str
    kind: str
    every: timedelta


CHORES = (
    Chore("gallery: clean up", "clean", Schedule.HOURLY, timedelta(hours=1)),
    Chore("gallery: sweep", "sweep", Schedule.DAILY, timedelta(days=1)),
    Chore("gallery: index", "index", Schedule.HOURLY, timedelta(hours=1)),
    Chore("models: delete", "delete_models", Schedule.HOURLY, timedelta(hours=1)),
    Chore("models: scan", "scan", Schedule.MINUTES, timedelta(minutes=5)),
    Chore("models: sweep downloads", "sweep_downloads", Schedule.DAILY, timedelta(days=1)),
    Chore("models: tidy", "tidy_models", Schedule.HOURLY, timedelta(hours=1)),
    Chore("people: erase", "erase", Schedule.HOURLY, timedelta(hours=1)),
    Chore("people: recount usage", "recount", Schedule.HOURLY, timedelta(hours=1)),
    Chore("models: convert", "convert", Schedule.HOURLY, timedelta(hours=1)),
)


def schedule() -> None:
    """Have every chore scheduled; an interval that the operator changed stays as it is."""
    for chore in CHORES:
        rows = Schedule.objects.filter(name=chore.name).order_by("pk")
        # Two hosts that start at once on one database may each have made a row.
        rows.exclude(pk=rows.values_list("pk", flat=True).first()).delete()
        Schedule.objects.update_or_create(
            name=chore.name,
            defaults={"func": f"{__name__}.{chore.function}", "cluster": CLUSTER},
            create_defaults={
                "func": f"{__name__}.{chore.function}",
                "cluster": CLUSTER,
                "schedule_type": chore.kind,
                "minutes": chore.every // timedelta(minutes=1)
                if chore.kind == Schedule.MINUTES
                else None,
                "next_run": timezone.now() + chore.every,
            },
        )


def clean() -> None:
    """The rules of retention; what does not fit into one task goes with the next."""
    try:
        done = retention.clean(seconds=settings.Q_CLUSTER["timeout"] / 2)
    except AtWork as problem:
        logger.info("%s", problem.message)
        return
    told = retention.totals(done)
    if told["deleted"] or told["unshared"]:
        logger.info(
            "Clean-up: %(deleted)d pictures deleted, %(freedBytes)d bytes freed, "
            "%(unshared)d shares ended",
            told,
        )


def sweep_downloads() -> None:
    """Parts and rows of downloads that nobody will take up again."""
    if gone := sweeping_downloads.sweep():
        logger.info("Downloads: the parts of %d removed", gone)


def erase() -> None:
    """Every erasure that was asked for and is not done; what is left goes on in a task of its own,
    so that others have their turn.
    """
    seconds = settings.Q_CLUSTER["timeout"] / 2
    began = time.monotonic()
    if erasing.finish_all(seconds) and time.monotonic() - began >= seconds:
        erasing.ring()


def index() -> None:
    """What an upgrade left to be indexed, in turns with the other chores."""
    try:
        done = left_over.finish(INDEX_SECONDS)
    except AtWork as problem:
        logger.info("%s", problem.message)
        return
    if not done:
        ring_index()


def ring_index() -> None:
    _ring("index")


def tidy_models() -> None:
    """Uploads that nobody goes on with, and what catalogues answered long ago."""
    dropped = sending.tidy()
    if dropped:
        logger.info("Uploads given up: %d", dropped)
    shelf.tidy()


def delete_models() -> None:
    """Models that were in use when staff deleted them, and the trash a crash left behind."""
    deleting.finish()


def recount() -> None:
    """What everybody has in use, counted again; what was wrong is in the log."""
    jobs.recount()


def scan() -> None:
    """The models folder, as it is now; what is new is hashed afterwards."""
    if not _at_home():
        return
    report = scanning.scan()
    for group in ("added", "changed", "moved", "missing"):
        if names := getattr(report, group):
            logger.info("Models %s: %s", group, ", ".join(map(ascii, names)))
    ring_hashing()


def ring_hashing() -> None:
    """Have models hashed, where any waits for it."""
    if hashing.waiting().exists():
        _ring("hash_models")


def hash_models() -> None:
    """Digests of new models; what is left goes on in a task of its own, so that others have their
    turn.
    """
    if _at_home() and not hashing.hash_waiting(HASH_SECONDS):
        _ring("hash_models")


def convert() -> None:
    """Copies of single files that load faster: one is made, those of models that left go."""
    if _at_home():
        conversion.run_next()


def sweep() -> None:
    """Files and rows compared; a store that is away is asked again tomorrow."""
    try:
        found = sweeping.sweep()
    except (AtWork, StorageDown) as problem:
        logger.warning("No sweep: %s", problem.message)
        return
    logger.info(
        "Sweep: %d files and %d pictures, %d orphans and %d drafts removed, %d lost, %d back",
        found.files, found.rows, found.orphans, found.drafts, found.lost, found.recovered,
    )  # fmt: skip


def _at_home() -> bool:
    """Whether this host sees the folder in which the models lie."""
    if reason := home.foreign():
        logger.warning("Not on this host: %s", reason)
    return not reason


def _ring(chore: str) -> None:
    """Have the io cluster do a chore soon; where it cannot be told, what is scheduled comes to it."""
    doorbell.ring(CLUSTER, f"{__name__}.{chore}")
