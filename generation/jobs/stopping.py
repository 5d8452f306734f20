"""An orderly stop, told by the leader of a cluster to all its processes through shared memory."""

import time
from multiprocessing.sharedctypes import RawValue

# Forked children share it; the monotonic clock is one for all processes of a host. 0: no stop.
_give_up_at = RawValue("d", 0.0)


def ask(grace: float) -> None:
    """From now on no job is begun; after `grace` seconds the running one is given back."""
    if not asked():
        _give_up_at.value = time.monotonic() + grace


def asked() -> bool:
    return bool(_give_up_at.value)


def overdue() -> bool:
    """Whether the running job must be given back now."""
    return asked() and time.monotonic() >= _give_up_at.value


def withdraw() -> None:
    """Forget the stop: a process that is not ending goes on."""
    _give_up_at.value = 0.0
