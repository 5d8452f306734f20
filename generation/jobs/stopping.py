"""An orderly stop, told by the leader of a cluster to all its processes through shared memory."""

import time
from multiprocessing.sharedctypes import RawValue

# Forked children share them; the monotonic clock is one for all processes of a host. 0: no stop.
_give_back_at = RawValue("d", 0.0)
_leave_at = RawValue("d", 0.0)


def ask(grace: float) -> None:
    """From now on no job is begun, and `grace` seconds later this worker is gone.

    The running job may end until shortly before; then its drawing stops at the next step.
    """
    if not asked():
        margin = min(3.0, grace / 3)
        _leave_at.value = time.monotonic() + grace - margin / 3
        _give_back_at.value = time.monotonic() + grace - margin


def asked() -> bool:
    return bool(_give_back_at.value)


def overdue() -> bool:
    """Whether the running job must be given back at its next step."""
    return asked() and time.monotonic() >= _give_back_at.value


def final() -> bool:
    """Whether no next step can be waited for."""
    return asked() and time.monotonic() >= _leave_at.value


def withdraw() -> None:
    """Forget the stop: this process goes on."""
    _give_back_at.value = _leave_at.value = 0.0
