"""The doorbell: a django-q2 task that says only "look at the queue"."""

from django_q.brokers import get_broker
from django_q.tasks import async_task

CLUSTER = "image"
TASK = "generation.tasks.run_next"


def ring() -> None:
    """Wake a worker. Call it after the commit: a wake-up that comes first finds nothing.

    One unanswered ring is enough: whoever answers it sees every job committed before.
    """
    if not get_broker(CLUSTER).queue_size():
        async_task(TASK, cluster=CLUSTER)
