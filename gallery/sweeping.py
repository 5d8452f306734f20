"""Files that no row names, and rows whose file is gone: both are found, neither is silent."""

import hashlib
import logging
import os
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import QuerySet

from gallery import encoding, storage
from gallery.alone import alone
from gallery.disk import DRAFT, Listed
from gallery.errors import FileLost
from gallery.models import Image

logger = logging.getLogger(__name__)
State = Image.State
# Longer than any save takes from its first file to its row.
YOUNGEST = timedelta(hours=1)
FOLDERS = tuple(f"{number:02x}" for number in range(256))
# What `storage.stage` names files: everything else was laid there by somebody else.
OURS = re.compile(
    r"(?P<stem>[0-9a-f]{2}/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-\w+)\.(?:png|webp)"
)
# Each loss is said, but a disk that was emptied must not fill another with its log.
LINES = 20


@dataclass(slots=True)
class Swept:
    """What a sweep found. In a dry run nothing was done about any of it."""

    files: int = 0
    rows: int = 0
    orphans: int = 0
    drafts: int = 0
    foreign: int = 0
    lost: int = 0
    damaged: int = 0
    recovered: int = 0
    thumbnails: int = 0
    deletions: int = 0
    # The first few of what was found, in words.
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        if len(self.notes) < LINES:
            self.notes.append(text)


@dataclass(frozen=True, slots=True)
class Sweep:
    """How a sweep goes about it: `verify` reads every picture and compares its SHA-256."""

    dry: bool
    verify: bool
    found: Swept = field(default_factory=Swept)

    def folder(self, name: str) -> None:
        """Both ways for one of the 256 folders: memory holds the names of one at a time."""
        old = time.time() - YOUNGEST.total_seconds()
        # Files first, rows after: a row that is committed between the two is seen.
        listed = {entry.name: entry for entry in storage.store().listing(name)}
        named: set[str] = set()
        for batch in _batches(_rows(name)):
            for image in batch:
                named |= {image.file, image.thumbnail}
                self.row(image, listed)
        for entry in listed.values():
            if entry.name not in named:
                self.unnamed(entry, old)
        self.found.files += len(listed)

    def unnamed(self, entry: Listed, old: float) -> None:
        """A file that no row of its folder names; the young may be a save that still runs."""
        draft = DRAFT.fullmatch(entry.name.rpartition("/")[2])
        if entry.written_at > old or _named_now(entry.name):
            return
        if draft:
            # A process that slept for hours with the whole machine wakes up and goes on.
            if _alive(int(draft["pid"])):
                return
            self.found.drafts += 1
        elif OURS.fullmatch(entry.name):
            self.found.orphans += 1
        else:
            self.found.foreign += 1
            return
        self.found.note(f"no row names {entry.name}")
        if not self.dry:
            storage.store().remove(entry.name)

    def row(self, image: Image, listed: dict[str, Listed]) -> None:
        self.found.rows += 1
        # Listed before the row was read: one that is missing may only be newer than the list.
        there = image.file in listed or storage.store().has(image.file)
        if image.state == State.LOST:
            if there and _intact(image):
                self.recovered(image)
        elif not there:
            self.lost(image)
        elif self.verify and not _intact(image):
            self.lost(image, damaged=True)
        elif image.thumbnail not in listed and not storage.store().has(image.thumbnail):
            self.without_thumbnail(image)

    def lost(self, image: Image, *, damaged: bool = False) -> None:
        # One that is being deleted just now lost its file on purpose.
        if not _moved(image, State.STORED, State.LOST, dry=self.dry):
            return
        self.found.damaged += damaged
        self.found.lost += not damaged
        text = (
            f"the file of image {image.pk} {'is damaged' if damaged else 'is gone'}: {image.file}"
        )
        self.found.note(text)
        if self.found.lost + self.found.damaged <= LINES:
            logger.error("Sweep: %s", text)

    def recovered(self, image: Image) -> None:
        if _moved(image, State.LOST, State.STORED, dry=self.dry):
            self.found.recovered += 1
            self.found.note(f"the file of image {image.pk} is back")

    def without_thumbnail(self, image: Image) -> None:
        """Made again from the picture, where that is whole."""
        if not _intact(image):
            self.lost(image, damaged=True)
            return
        self.found.thumbnails += 1
        if self.dry:
            return
        picture = encoding.open_png(storage.read(image))
        storage.store().write(image.thumbnail, encoding.thumbnail(picture))
        if not Image.objects.filter(pk=image.pk).exists():
            # It was deleted meanwhile, without the thumbnail that was not there.
            storage.store().remove(image.thumbnail)


def sweep(*, dry_run: bool = False, verify: bool = False) -> Swept:
    """Look at every file and every row once. Raises StorageDown, or alone.AtWork.

    Orphans of an hour and more are deleted, drafts too when their process is dead; rows whose file
    is gone become `lost`, and `stored` again where it came back whole; missing thumbnails are made
    again; interrupted deletions are finished. Safe while pictures are saved and deleted.
    """
    this = Sweep(dry_run, verify)
    with alone("sweep"):
        if not dry_run:
            this.found.deletions = storage.finish_deletions()
        for name in FOLDERS:
            this.folder(name)
    losses = this.found.lost + this.found.damaged
    if losses and not dry_run:
        logger.error("%d pictures were lost since the last sweep", losses)
    return this.found


def _rows(folder: str) -> QuerySet[Image]:
    """The pictures whose files lie in the folder: it is named for how their ids begin."""
    rows = Image.objects.exclude(state=State.DELETING).filter(
        pk__gte=uuid.UUID(hex=folder + "0" * 30), pk__lte=uuid.UUID(hex=folder + "f" * 30)
    )
    return rows.order_by("pk").only("pk", "state", "file", "thumbnail", "sha256")


def _batches(rows: QuerySet[Image]) -> Iterator[list[Image]]:
    batch = list(rows[: storage.BATCH])
    while batch:
        yield batch
        batch = list(rows.filter(pk__gt=batch[-1].pk)[: storage.BATCH])


def _moved(image: Image, before: State, after: State, *, dry: bool) -> bool:
    row = Image.objects.filter(pk=image.pk, state=before)
    return row.exists() if dry else bool(row.update(state=after))


def _intact(image: Image) -> bool:
    try:
        return hashlib.sha256(storage.store().read(image.file)).hexdigest() == image.sha256
    except FileLost:
        # Deleted since it was listed; the next sweep knows more.
        return True


def _named_now(name: str) -> bool:
    """Whether a row of any id names the file, or is being deleted with it."""
    ours = OURS.fullmatch(name)
    return ours is not None and Image.objects.filter(file=f"{ours['stem']}.png").exists()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
