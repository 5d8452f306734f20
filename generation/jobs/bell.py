"""The bell of the workers: hearing it, they look at the queue."""

from accounts import doorbell

CLUSTER = "image"
TASK = "generation.tasks.run_next"


def ring() -> None:
    """Wake a worker, after the commit. An idle one looks by itself every second all the same."""
    doorbell.ring_once(CLUSTER, TASK)
