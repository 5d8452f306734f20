"""Putting the bundled demonstration model into the models folder, whole or not at all."""

import hashlib
import os
import shutil
from pathlib import Path

from django.conf import settings

from modelhub import moving

NAME = "alice-demo"
SOURCE = Path(__file__).resolve().parent / "demo" / "model"


class NotBundled(Exception):
    """This copy of ALICE came without its demonstration model."""


def install(source: Path | None = None) -> bool:
    """Copy `source` (the bundled model) to ALICE_MODELS_DIR/alice-demo; True when something had to be written.

    A damaged copy is replaced. At every moment the folder is absent, old and whole, or new and
    whole. Raises NotBundled without a source, OSError when the folder cannot be written.
    """
    source = source or SOURCE
    if not (source / "model_index.json").is_file():
        raise NotBundled(f"{source} has no model")
    root = Path(settings.ALICE_MODELS_DIR)
    target = root / NAME
    if _digests(target) == _digests(source):
        return False
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    staging = root / f".{NAME}.new"
    shutil.copytree(source, staging, copy_function=_copy)
    _swap(staging, target)
    return True


def _sweep(root: Path) -> None:
    """Remove what a copy that was killed half-way left behind."""
    for leftover in root.glob(f".{NAME}.*"):
        shutil.rmtree(leftover)


def _swap(staging: Path, target: Path) -> None:
    aside = target.with_name(f".{NAME}.old")
    if target.exists() or target.is_symlink():
        target.rename(aside)
    staging.rename(target)
    moving.sync(target.parent)
    if aside.is_symlink() or aside.is_file():
        aside.unlink()
    else:
        shutil.rmtree(aside, ignore_errors=True)


def _copy(source: str, target: str) -> str:
    shutil.copyfile(source, target)
    # The worker may run as another user than the installer.
    Path(target).chmod(0o644)
    with Path(target).open("rb") as stream:
        os.fsync(stream.fileno())
    return target


def _digests(folder: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of every file below `folder`; empty when there is no folder."""
    return {
        str(file.relative_to(folder)): _digest(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
