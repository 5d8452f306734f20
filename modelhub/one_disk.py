"""Models are moved within one disk; a folder on another, or a link, is refused by name."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from accounts.problems import Invalid


class OtherDisk(Invalid):
    code = "other_disk"


@contextmanager
def moves_into(folder: Path) -> Iterator[None]:
    """Make `folder` where it is missing, and name what a move into it meets.

    Raises OtherDisk where it is a link, or on another disk than the move's source, and Invalid
    `already_exists` where a file has its name.
    """
    if folder.is_symlink() and folder != Path(settings.ALICE_MODELS_DIR):
        # No scan would enter it, on this disk or on another.
        raise OtherDisk(
            f"The folder {folder.name!a} is a link, which is not followed: no model is moved there. "
            "Have a folder in its place."
        )
    if folder.is_file():
        told = (
            f"A file is called {folder.name!a}, as the folder for models of this kind: rename it."
        )
        raise Invalid(told, code="already_exists")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        raise OtherDisk(
            f"The folder {folder.name!a} lies on another disk than the models folder: no model is "
            "moved there. Have all of the models folder on one disk."
        ) from None
