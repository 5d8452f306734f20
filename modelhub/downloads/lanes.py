"""Three downloads at once: the threads of the download cluster, and one in the foreground."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connections

from modelhub import home
from modelhub.downloads import bell, lease
from modelhub.downloads.lease import Claim, Keeper
from modelhub.downloads.pace import MB, Bucket
from modelhub.downloads.working import Gone, Work
from modelhub.models import Download

log = logging.getLogger(__name__)
LANES = 3
# How soon a lane without work sees that there is some.
LOOK_SECONDS = 0.5


def run(seconds: float, stopped: Gone) -> None:
    """Work at what is due until there is nothing, `stopped()`, or `seconds` are over.

    What is not done by then is given back, as far as it came. On a host with another folder than
    the one the models lie in nothing is done: it would come to the wrong place.
    """
    if reason := home.foreign():
        log.warning("no downloads here: %s", reason)
        return
    until = time.monotonic() + seconds

    def leaving() -> bool:
        return stopped() or time.monotonic() >= until

    with Keeper() as keeper, ThreadPoolExecutor(LANES, thread_name_prefix="lane") as pool:
        desk = Desk(keeper, line(), leaving)
        lanes = [pool.submit(desk.lane) for _ in range(LANES)]
        for lane in lanes:
            lane.result()
    if not stopped() and lease.due().exists():
        bell.ring()


def here(download: Download, look: Callable[[Claim], None]) -> None:
    """Fetch this one in this very process; `look` is called now and then while it lasts.

    Returns when it ended, also when somebody else had it. Raises AnotherFolder.
    """
    home.check()
    with Keeper() as keeper:
        while True:
            claim = lease.take(download)
            if claim is None:
                download.refresh_from_db()
                if download.status not in Download.OPEN:
                    return
                time.sleep(LOOK_SECONDS)
                continue
            _watched(claim, keeper, look)


def line() -> Bucket:
    return Bucket(settings.ALICE_DOWNLOAD_MB_PER_SECOND * MB)


class Desk:
    """What the lanes share."""

    def __init__(self, keeper: Keeper, bucket: Bucket, leaving: Gone) -> None:
        self.keeper, self.bucket, self.leaving = keeper, bucket, leaving
        self._taking = threading.Lock()

    def lane(self) -> None:
        """Take one after the other; without one, stay while another lane is at work."""
        try:
            while not self.leaving():
                claim = self._take()
                if claim is not None:
                    self._work(claim)
                elif self.keeper.idle:
                    return
                else:
                    time.sleep(LOOK_SECONDS)
        finally:
            connections.close_all()

    def _take(self) -> Claim | None:
        # Taken and kept in one: otherwise another lane would see that nobody works, and leave.
        with self._taking:
            claim = lease.take()
            if claim is not None:
                self.keeper.keep(claim)
            return claim

    def _work(self, claim: Claim) -> None:
        try:
            Work(claim, self.bucket, self.leaving).run()
        finally:
            self.keeper.forget(claim)


def _watched(claim: Claim, keeper: Keeper, look: Callable[[Claim], None]) -> None:
    keeper.keep(claim)
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(_alone, claim)
        try:
            while not working.done():
                look(claim)
                time.sleep(LOOK_SECONDS / 2)
            working.result()
        finally:
            claim.over.set()
            keeper.forget(claim)


def _alone(claim: Claim) -> None:
    try:
        Work(claim, line(), bool).run()
    finally:
        connections.close_all()
