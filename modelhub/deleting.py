"""Deleting a model: asked for at once, done when nothing runs on it, whole or not at all.

1. `ask` marks the row: no new order takes the model from then on.
2. `finish` moves its files into `.trash` inside the models folder, deletes the row, empties the
   trash. Each step may be the last one before a crash; the next `finish` goes on from there.
"""

import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.db import transaction

from accounts import audit
from accounts.audit import Action
from accounts.problems import Invalid
from modelhub import home, moving, walking
from modelhub.detection import sidecars
from modelhub.models import CatalogModel
from modelhub.signals import answers, in_use, let_go

log = logging.getLogger(__name__)
DELETING = CatalogModel.State.DELETING
TRASH = ".trash"
# What lies beside a model and belongs to it, unless another of the same stem is there too.
BESIDE = (*sidecars.SUFFIXES, sidecars.CIVITAI, walking.COMPONENTS)


def ask(model: CatalogModel, by: audit.Source) -> None:
    """Mark the model; asking twice changes nothing. Raises Invalid for a path we never delete."""
    _check(model.path)
    with transaction.atomic():
        marked = CatalogModel.objects.filter(pk=model.pk).exclude(state=DELETING)
        if marked.update(state=DELETING, detail="it goes when its job has ended", is_default=False):
            audit.record(Action.MODEL_DELETED, by, model, model=model.public_id, path=model.path)
            transaction.on_commit(lambda: answers(let_go, model=model))


def delete(model: CatalogModel, by: audit.Source) -> bool:
    """Ask, and try at once; whether it is gone already."""
    ask(model, by)
    finish()
    return not CatalogModel.objects.filter(pk=model.pk).exists()


def waits_for(model: CatalogModel) -> str:
    """What it waits for, as a clause."""
    return CatalogModel.objects.filter(pk=model.pk).values_list("detail", flat=True).first() or ""


def finish() -> int:
    """Delete what is marked and not in use; how many models left. Safe at any time, by anybody.

    On a host with another folder nothing goes: its copies are not the models.
    """
    waiting = CatalogModel.objects.filter(state=DELETING)
    if home.foreign():
        waiting.update(detail="it goes when the host with the models folder comes to it")
        return 0
    marked = list(waiting.values_list("pk", flat=True))
    gone = sum(_finish(pk) for pk in marked)
    _empty_trash()
    return gone


def _finish(pk: int) -> bool:
    try:
        with transaction.atomic():
            rows = CatalogModel.objects.select_for_update().filter(pk=pk, state=DELETING)
            model = rows.first()
            if model is None or _in_use(model):
                return False
            _put_aside(model)
            model.delete()
    except (OSError, Invalid) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        log.warning("model %s cannot be deleted: %s", pk, reason)
        still = CatalogModel.objects.filter(pk=pk, state=DELETING)
        still.update(detail=f"its files cannot be deleted: {reason}")
        return False
    log.info("model %s is deleted", model.public_id)
    return True


def _in_use(model: CatalogModel) -> bool:
    return bool(answers(in_use, model=model))


def _put_aside(model: CatalogModel) -> None:
    """Its files into the trash: a rename each, so none is ever half there."""
    trash = home.root() / TRASH
    for path in _files(model):
        if os.path.lexists(path):
            trash.mkdir(exist_ok=True)
            path.rename(trash / f"{model.pk}-{secrets.token_hex(8)}")
            # Or a power cut could bring it back when its row is gone.
            moving.sync(path.parent)


def _files(model: CatalogModel) -> Iterator[Path]:
    """What the row says is the model's, and its side-cars."""
    path = _check(model.path)
    yield path
    if model.converted_path:
        yield _check(model.converted_path)
    yield from _beside(path, model)


def _beside(path: Path, model: CatalogModel) -> Iterator[Path]:
    is_file = model.layout == CatalogModel.Layout.SINGLE_FILE
    stem = path.stem if is_file else path.name
    with suppress(FileNotFoundError):
        for other in path.parent.iterdir():
            # Another model of this name reads the same side-car.
            if other != path and _names_model(other) == stem:
                return
    yield from (path.with_name(stem + suffix) for suffix in BESIDE)


def _names_model(path: Path) -> str:
    if path.is_dir():
        return path.name
    return path.stem if path.suffix.lower() in walking.FILES else ""


def _check(path: str) -> Path:
    """`path` of a row as a place inside the models folder, no link followed. Raises Invalid."""
    root, parts = home.root(), Path(path).parts
    inside = root.joinpath(*parts)
    lies_within = bool(parts) and not Path(path).is_absolute() and ".." not in parts
    if not lies_within or parts[0] == TRASH or not _real(inside.parent).is_relative_to(_real(root)):
        raise Invalid("The path of this model is not inside the models folder.", param="model")
    return inside


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _empty_trash() -> None:
    """Somebody else may empty it at the same time."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in (home.root() / TRASH).iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
