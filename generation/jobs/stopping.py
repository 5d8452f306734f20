"""An orderly stop, told by the leader of a cluster to all its processes through shared memory."""

import time
from multiprocessing.sharedctypes import RawValue

MARGIN_SECONDS = 4.5
# Forked children share them; the monotonic clock is one for all processes of a host. 0: no stop.
_give_back_at = RawValue("d", 0.0)
_leave_at = RawValue("d", 0.0)


def ask(grace: float) -> None:
    """From now on no job is begun, and `grace` seconds later this worker is gone.

    The running job may end until shortly before; then its drawing stops at the next step.
    """
    if not asked():
        # What the rest of a cluster needs to end is part of the grace.
        margin = min(MARGIN_SECONDS, grace / 2)
        end = time.monotonic() + grace
        _leave_at.value = end - margin * 0.6
        _give_back_at.value = end - margin


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
