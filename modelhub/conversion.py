"""Which single files get a fast copy, and when: in the background, once, one after the other."""

import logging
import shutil
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from accounts import doorbell
from modelhub import copies
from modelhub.kinds import Kind
from modelhub.models import CatalogModel

logger = logging.getLogger(__name__)
TASK = f"{__name__}.run_next"
CLUSTER = "io"
# It shall not be felt by anybody who waits for a picture.
_PATIENTLY = (("nice", "-n", "19"), ("ionice", "-c", "3"))


# How the command ends that could not begin yet; sendmail's word for it.
EXIT_NOT_NOW = 75


class Failed(Exception):
    """There is no copy; the message says why."""


class NotNow(Failed):
    """Somebody else is at it, or the file is still being written: nothing is wrong with the model."""


def convertible() -> QuerySet[CatalogModel]:
    """Checkpoints in one file that can be drawn with."""
    return CatalogModel.objects.filter(
        kind=Kind.CHECKPOINT,
        layout=CatalogModel.Layout.SINGLE_FILE,
        state=CatalogModel.State.READY,
        enabled=True,
    ).order_by("public_id")


def without_copy() -> list[CatalogModel]:
    """Those that have none of their file as it is now."""
    return [model for model in convertible() if not has_copy(model)]


def has_copy(model: CatalogModel) -> bool:
    """Whether a copy of the model's file as it is now is there."""
    if not model.converted_path:
        return False
    copy = copies.read(copy_of(model))
    try:
        return copy is not None and copy.key == copies.key_of(model.location)
    except OSError:
        return False


def copy_of(model: CatalogModel) -> Path:
    return Path(settings.ALICE_MODELS_DIR) / model.converted_path


def keep(model: CatalogModel, copy: copies.Copy) -> None:
    CatalogModel.objects.filter(pk=model.pk).update(
        converted_path=copy.path.relative_to(settings.ALICE_MODELS_DIR).as_posix(),
        converted_bytes=copy.size_bytes,
        conversion_problem="",
    )


def failed(model: CatalogModel, reason: str) -> Failed:
    """Noted at the model, so that it is not tried for ever."""
    CatalogModel.objects.filter(pk=model.pk).update(conversion_problem=reason)
    return Failed(reason)


def ring() -> None:
    """Have the io cluster look for something to convert."""
    if settings.ALICE_CONVERT == "auto":
        doorbell.ring(CLUSTER, TASK)


def run_next() -> None:
    """Remove copies that nobody needs and make one that is missing, in a process of its own: this
    one never loads torch. What is left has its turn after the chores that wait meanwhile.
    """
    if settings.ALICE_CONVERT != "auto":
        return
    try:
        prune()
    except copies.Busy:
        return
    except OSError as problem:
        logger.warning("No copies in the models folder: %s", problem.strerror)
        return
    waiting = [model for model in without_copy() if not model.conversion_problem]
    if not waiting:
        return
    model = waiting[0]
    logger.info("%s is converted for faster loading", model.public_id)
    done = subprocess.run(  # noqa: S603 our own command, no shell
        [*_patiently(), sys.executable, "manage.py", "convert_model", model.public_id],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == EXIT_NOT_NOW:
        # The hourly look comes back to it.
        return
    if done.returncode:
        logger.warning("%s was not converted: %s", model.public_id, done.stderr.strip()[-500:])
        # Killed before it could say why, for want of memory most often.
        unsaid = CatalogModel.objects.filter(pk=model.pk, conversion_problem="", converted_path="")
        unsaid.update(conversion_problem="The conversion ended early; the log says more.")
    if len(waiting) > 1:
        ring()


def prune(*, dry_run: bool = False) -> tuple[list[copies.Copy], int]:
    """Remove copies whose file is gone or changed; those, and the bytes that came free."""
    root = Path(settings.ALICE_MODELS_DIR)
    going, freed = copies.prune(root, _wanted(), dry_run=dry_run)
    if not dry_run:
        paths = [copy.path.relative_to(root).as_posix() for copy in going]
        CatalogModel.objects.filter(converted_path__in=paths).update(
            converted_path="", converted_bytes=0
        )
    return going, freed


def _wanted() -> set[str]:
    """Keys of files that are there, switched off ones too: somebody may switch them on again."""
    keys = set()
    gone = (CatalogModel.State.DELETING, CatalogModel.State.MISSING)
    rows = CatalogModel.objects.filter(layout=CatalogModel.Layout.SINGLE_FILE)
    for model in rows.exclude(state__in=gone):
        try:
            keys.add(copies.key_of(model.location))
        except OSError:
            continue
    return keys


def _patiently() -> list[str]:
    return [word for words in _PATIENTLY if shutil.which(words[0]) for word in words]
