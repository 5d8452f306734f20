"""A sign of life of a cluster's inside, which its leader watches: no silence without a cause."""

import time
from multiprocessing.sharedctypes import RawValue

# Longer than a worker needs to import its libraries from a cold disk.
LONGEST_SILENCE = 180.0
_beat_at = RawValue("d", 0.0)


def beat() -> None:
    _beat_at.value = time.monotonic()


def silent() -> bool:
    """Whether wake-ups no longer come through: a process hangs though all are alive."""
    return bool(time.monotonic() > _beat_at.value + LONGEST_SILENCE)
