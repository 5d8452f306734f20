"""Wake-ups through Redis, which may be away: apart, since only who configures it imports it."""

import logging
import time
from typing import Any

import redis
from django_q.brokers.redis_broker import Redis
from django_q.conf import Conf

from aliceproject.queue import PROBE_SECONDS, Wake

logger = logging.getLogger(__name__)
# Longer than the second that a worker blocks for a task.
ANSWER_SECONDS = 3.0


class PatientRedis(Redis):  # type: ignore[misc]
    """django-q2's Redis broker, but without Redis there are simply no tasks."""

    def dequeue(self) -> list[tuple[Any, str]] | None:
        try:
            got: list[tuple[Any, str]] | None = super().dequeue()
        except redis.RedisError as error:
            logger.warning("Redis does not answer; the worker looks by itself: %s", error)
            time.sleep(PROBE_SECONDS)
            return None
        return got

    def rest(self, seconds: float) -> None:
        time.sleep(seconds)

    def ping(self) -> bool:
        return True

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:
        # Without limits a Redis that hangs would hang whoever submits a job.
        return redis.from_url(
            Conf.REDIS, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        )


class WakeRedis(Wake, PatientRedis):
    """Wake-ups through Redis."""
