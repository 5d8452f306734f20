"""Where a download lies while it is one, which names are taken, and whether there is room."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce, Greatest

from accounts.problems import Invalid
from modelhub import moving, one_disk, walking
from modelhub.disk import DiskFull
from modelhub.kinds import NAMINGS, Kind
from modelhub.models import Download
from modelhub.sources import names
from modelhub.uploads import parts

FOLDER = ".downloads"
PART = ".part"
# Left to everybody else who writes to this disk.
SPARE_BYTES = 256 * 2**20
FOLDERS = tuple(dict.fromkeys(naming.folder for naming in NAMINGS.values()))


class NameTaken(Invalid):
    code = "already_exists"


def root() -> Path:
    return Path(settings.ALICE_MODELS_DIR)


def of(download: Download) -> Path:
    """The folder of a download, on the same file system as the models, unseen by the scan."""
    return root() / FOLDER / str(download.pk)


def remove(download: Download) -> None:
    shutil.rmtree(of(download), ignore_errors=True)


def target(kind: str, name: str) -> Path:
    """Where a model of this kind and name belongs."""
    naming = NAMINGS[Kind(kind)] if kind else NAMINGS[Kind.CHECKPOINT]
    return root() / naming.folder / name


def check_free(name: str, kind: str = "", *, but: Download | None = None) -> None:
    """Raises NameTaken where a model, or a download under way, has the name or a twin of it.

    Without a kind it must be free in every folder: which one it goes to shows only later.
    """
    folders = FOLDERS if not kind else (NAMINGS[Kind(kind)].folder,)
    wanted = names.folded(names.stem(name))
    for folder in folders:
        if wanted in set(_present(root() / folder)):
            raise NameTaken(f"There is a model named {name[:80]!r} already.", param="name")
    others = Download.objects.filter(status__in=Download.OPEN).exclude(target="")
    if but is not None:
        # Of two that want one name, the one that was asked for first has it.
        earlier = Q(created_at__lt=but.created_at) | Q(created_at=but.created_at, pk__lt=but.pk)
        others = others.filter(earlier)
    for other in others:
        if names.folded(names.stem(Path(other.target).name)) == wanted:
            raise NameTaken(f"{name[:80]!r} is on its way already.", param="name")


def check_no_shelf(name: str, kind: str = "") -> None:
    """Raises NameTaken for the name of a folder that holds models: nothing ever replaces those."""
    for folder in FOLDERS if not kind else (NAMINGS[Kind(kind)].folder,):
        _check_no_shelf(root() / folder / name)


def _check_no_shelf(wanted: Path) -> None:
    relative = str(wanted.relative_to(root()))
    if names.folded(relative) in FOLDERS or _is_shelf(wanted):
        raise NameTaken(f"{relative[:80]!r} is a folder of models here.", param="name")


def _is_shelf(path: Path) -> bool:
    return path.is_dir() and not walking.is_model(path) and bool(walking.walk(path).models)


def check_room(download: Download, total: int | None, done: int) -> None:
    """Raises DiskFull where the disk cannot take what is still to come of this and of the others."""
    place = root()
    place.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(place).free - SPARE_BYTES
    wanted = max(0, (total or 0) - done)
    if wanted + _promised(download) > free:
        raise DiskFull(
            f"There is no room: {wanted} bytes are still to come, {max(free, 0)} are free for it."
        )


def put(found: Path, wanted: Path, *, force: bool) -> None:
    """Move a finished model into place at once and durably; never over another unless `force`, and
    never over a folder of others. Raises NameTaken or OtherDisk.
    """
    _check_no_shelf(wanted)
    with one_disk.moves_into(wanted.parent):
        if force:
            _set_aside(found, wanted)
            found.replace(wanted)
        else:
            _move(found, wanted)
    moving.sync(wanted.parent)


def _move(found: Path, wanted: Path) -> None:
    """Fails where the name is taken, however late somebody took it."""
    taken = NameTaken(f"There is a model named {wanted.name[:80]!r} already.", param="name")
    if found.is_dir():
        # A folder never replaces one that holds anything.
        if wanted.exists():
            raise taken
        found.rename(wanted)
        return
    try:
        moving.link(found, wanted)
    except FileExistsError:
        raise taken from None
    found.unlink(missing_ok=True)


def _set_aside(found: Path, wanted: Path) -> None:
    """A folder cannot be replaced in one step: the old one moves to where the new one was made."""
    if not wanted.exists() or (wanted.is_file() and found.is_file()):
        return
    # No download is called so: names begin with no dot.
    aside = found.parent / ".replaced"
    if aside.exists():
        shutil.rmtree(aside)
    wanted.rename(aside)


def _present(folder: Path) -> Iterator[str]:
    try:
        listed = [entry.name for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in listed:
        if name not in FOLDERS:
            yield names.folded(names.stem(name))


def _promised(but: Download) -> int:
    """What the others under way, and uploads, still have to come, in bytes."""
    others = Download.objects.filter(status__in=Download.OPEN, total_bytes__isnull=False)
    left = others.exclude(pk=but.pk).aggregate(
        sum=Coalesce(Sum(Greatest(F("total_bytes"), F("done_bytes")) - F("done_bytes")), 0)
    )
    return int(left["sum"]) + parts.still_to_come()
