"""Models are moved within one disk; a folder on another is refused by name."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accounts.problems import Invalid


class OtherDisk(Invalid):
    code = "other_disk"


@contextmanager
def moves_into(folder: Path) -> Iterator[None]:
    """Raises OtherDisk where a move finds `folder` on another disk than its source."""
    try:
        yield
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        raise OtherDisk(
            f"The folder {folder.name!a} lies on another disk than the models folder: no model is "
            "moved there. Have all of the models folder on one disk."
        ) from None
