"""No row goes without its files: also when a user is deleted and the pictures with him."""

import logging
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from accounts import quotas
from gallery import storage
from gallery.errors import StorageDown
from gallery.models import Image

logger = logging.getLogger(__name__)


@receiver(post_delete, sender=Image)
def remove_files(instance: Image, **_: Any) -> None:
    """After the commit: a deletion that is rolled back must leave the files."""
    # storage.delete() removes the files before the row, and marks the row so.
    if instance.state != Image.State.DELETING:
        quotas.stored(instance.owner_id, images=-1, bytes=-instance.size_bytes)
        transaction.on_commit(partial(_remove, instance))


def _remove(image: Image) -> None:
    try:
        storage.remove_files(image)
    except StorageDown:
        logger.exception("The files of deleted image %s are left behind", image.pk)
