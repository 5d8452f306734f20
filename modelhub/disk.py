"""What the disk under the models refuses, in words.

Busy              503
├── DiskFull      storage_full
└── DiskDown      storage_unavailable: read-only, no right to it, or not answering
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from accounts.problems import Busy

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
DOWN = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE,
     errno.ENOTCONN, errno.ETIMEDOUT}
)  # fmt: skip
# Somebody has to make room, or to mend it.
RETRY_SECONDS = 60


class DiskFull(Busy):
    code = "storage_full"


class DiskDown(Busy):
    code = "storage_unavailable"


def refusal(error: OSError) -> Busy | None:
    """The error as whoever wanted to write reads it; None where it is no word of the disk's."""
    if error.errno in FULL:
        return DiskFull("The disk of the models folder is full.", retry_after=RETRY_SECONDS)
    if error.errno in DOWN:
        told = f"The disk of the models folder refuses: {error.strerror}."
        return DiskDown(told, retry_after=RETRY_SECONDS)
    return None


@contextmanager
def named() -> Iterator[None]:
    """Raises DiskFull or DiskDown for what the disk refuses inside."""
    try:
        yield
    except OSError as error:
        problem = refusal(error)
        if problem is None:
            raise
        raise problem from error
