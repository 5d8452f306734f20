"""How much this server takes on: the queue's length, the room for pictures."""

import shutil

from django.conf import settings

from accounts import quotas
from generation import conf
from generation.errors import QueueFull, StorageFull
from generation.models import Job

GIGABYTE = 10**9
# Below this the database itself could no longer write.
LEAST_FREE_BYTES = 256 * 10**6


def check_queue() -> None:
    """Raise QueueFull when as many jobs wait as may wait."""
    limit = conf.queue_limit()
    if Job.objects.filter(status=Job.Status.QUEUED).order_by()[limit - 1 : limit].exists():
        raise QueueFull(
            f"{limit} jobs are waiting, which is all this server takes.", retry_after=10
        )


def check_storage() -> None:
    """Raise StorageFull when there is no room for another picture."""
    most = settings.ALICE_MAX_STORAGE_GB
    if quotas.kept_bytes() >= most * GIGABYTE:
        raise StorageFull(
            f"The pictures kept here fill the {most:g} GB they may take; delete some first.",
            retry_after=60,
        )
    if shutil.disk_usage(settings.ALICE_DATA_DIR).free < LEAST_FREE_BYTES:
        raise StorageFull("The disk of this server is full.", retry_after=60)
