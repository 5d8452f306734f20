"""The doorbells of django-q2's clusters: a task says no more than "look at the rows"."""

import logging

from django.db import Error
from django_q.brokers import get_broker
from django_q.tasks import async_task

from accounts.nudges import or_redis_error

logger = logging.getLogger(__name__)


def ring(cluster: str, task: str) -> None:
    """Have `task`, a dotted name, run in `cluster` soon.

    Call it after the commit: a wake-up that comes first finds nothing. A bell that is broken only
    delays what is to be done, since the clusters look by themselves too.
    """
    try:
        async_task(task, cluster=cluster)
    except or_redis_error(Error) as error:
        logger.warning("The %s cluster was not woken: %s", cluster, error)


def ring_once(cluster: str, task: str) -> None:
    """The same unless it rings already: whoever answers sees all that was committed before."""
    try:
        waits = get_broker(cluster).queue_size()
    except or_redis_error(Error) as error:
        logger.warning("The %s cluster was not woken: %s", cluster, error)
        return
    if not waits:
        ring(cluster, task)
