"""Q_CLUSTER: django-q2 as doorbell and scheduler, one cluster per kind of work."""

from typing import Any


def configuration(job_timeout: int, redis_url: str) -> dict[str, Any]:
    """Clusters io (the default, also runs the schedules), image (draws) and download.

    `job_timeout` in seconds is a job's own limit; django-q2's must lie beyond it, and its retry
    beyond that: a task it repeats is a wake-up for nothing.
    """
    timeout = job_timeout + 600
    queue = {
        "workers": 1,
        "queue_limit": 1,
        "bulk": 1,
        "timeout": timeout,
        "retry": timeout + 100,
        "max_attempts": 1,
        "ack_failures": True,
        "recycle": 0,
        "save_limit": -1,
        # Nobody waits for a chore: a look a second, and at once when something happened.
        "poll": 1.0,
        "guard_cycle": 0.5,
        "catch_up": False,
        # The sentinel writes a figure there twice a second: never a database.
        "cache": "local",
        "log_level": "WARNING",
        "daemonize_workers": False,
        **_broker(redis_url),
    }
    # Schedules run in one cluster only; in the others even looking would cost a query.
    other = queue | {"scheduler": False, "poll": 0.05}
    return {"name": "io", **queue, "ALT_CLUSTERS": {"image": other, "download": other}}


def _broker(redis_url: str) -> dict[str, str]:
    if redis_url:
        return {"broker_class": "aliceproject.redis_queue.WakeRedis", "redis": redis_url}
    return {"broker_class": "aliceproject.queue.WakeORM", "orm": "default"}
