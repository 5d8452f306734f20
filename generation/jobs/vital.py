"""Threads without which a worker is of no use: when one breaks, the process ends."""

import logging
import os
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)
EXIT_BROKEN = 70


def start(name: str, loop: Callable[[], None]) -> None:
    """Run `loop`, which never returns, in a daemon thread; the process ends with it."""
    threading.Thread(target=_run, args=(name, loop), name=name, daemon=True).start()


def _run(name: str, loop: Callable[[], None]) -> None:
    try:
        loop()
    except BaseException:
        logger.critical("The thread %s broke; this process ends.", name, exc_info=True)
        raise
    finally:
        # Jobs would wait for it for ever; the next process starts clean.
        os._exit(EXIT_BROKEN)
