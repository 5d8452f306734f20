"""The doorbell: a django-q2 task that says only "look at the queue"."""

import logging

from django.db import Error
from django_q.brokers import get_broker
from django_q.tasks import async_task

from accounts.nudges import or_redis_error

logger = logging.getLogger(__name__)

CLUSTER = "image"
TASK = "generation.tasks.run_next"


def ring() -> None:
    """Wake a worker. Call it after the commit: a wake-up that comes first finds nothing.

    One unanswered ring is enough: whoever answers it sees every job committed before. A bell
    that is broken delays a job by a second, since idle workers look by themselves.
    """
    try:
        if not get_broker(CLUSTER).queue_size():
            async_task(TASK, cluster=CLUSTER)
    except or_redis_error(Error) as error:
        logger.warning("The doorbell did not ring: %s", error)
