"""The task of the download cluster, and whether there is anything for that cluster to do."""

import logging
import time

from django.conf import settings
from django.db import Error, connections

from generation.jobs import stopping
from modelhub.downloads import lanes
from modelhub.models import Download

logger = logging.getLogger(__name__)

# A turn ends long before django-q2 would cut it; what is not done by then goes on in the next.
TURN_SECONDS = 1800.0
LOOK_SECONDS = 2.0


def run() -> None:
    """Fetch what is due; harmless at any time, any number of times."""
    lanes.run(min(TURN_SECONDS, settings.Q_CLUSTER["timeout"] / 2), stopping.asked)


class Demand:
    """Whether the download cluster has anything to do; for the supervisor to ask often."""

    def __init__(self) -> None:
        self._known, self._asked_at = False, float("-inf")

    def __call__(self) -> bool:
        if time.monotonic() - self._asked_at < LOOK_SECONDS:
            return self._known
        self._asked_at = time.monotonic()
        try:
            self._known = Download.objects.filter(status__in=Download.OPEN).exists()
        except Error as error:
            # As it was: a database that is away says nothing about downloads.
            logger.debug("Whether anything is to be downloaded is not known: %s", error)
        finally:
            # The supervisor forks, and a child must not share its connection.
            connections.close_all()
        return self._known
