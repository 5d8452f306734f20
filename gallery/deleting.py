"""Pictures that people delete: hidden together with a word in the audit log, then their files go."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from accounts import audit
from accounts.audit import Action, Source
from gallery import storage
from gallery.models import Image


def hide(keys: Sequence[UUID], by: Source) -> None:
    """Nobody sees them from now on. Whoever deletes what is not his own is written down."""
    with transaction.atomic():
        for image in storage.hide_all(Image.objects.filter(pk__in=keys)):
            if by.user is None or image.owner_id != by.user.pk:
                audit.record(Action.PICTURE_DELETED, by, image, owner=image.owner_id)
