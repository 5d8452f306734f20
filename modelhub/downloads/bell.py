"""The doorbell of the download cluster: a django-q2 task that says only "look at the rows"."""

import logging

from django.db import Error
from django_q.brokers import get_broker
from django_q.tasks import async_task

from accounts.nudges import or_redis_error

logger = logging.getLogger(__name__)

CLUSTER = "download"
TASK = "aliceproject.downloading.run"


def ring() -> None:
    """Wake the cluster, after the commit; one unanswered ring is enough for all rows before it."""
    try:
        if not get_broker(CLUSTER).queue_size():
            async_task(TASK, cluster=CLUSTER)
    except or_redis_error(Error) as error:
        logger.warning("The download cluster was not rung: %s", error)
