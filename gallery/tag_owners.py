"""Tags that an older version wrote, told whose they are: a few at a time, while people write."""

import time

from django.db import transaction
from django.db.models import OuterRef, Subquery

from gallery.alone import alone
from gallery.models import Image, Tag

# Tags in one transaction, and seconds between two, in which others have their turn.
BATCH, PAUSE = 1_000, 0.12


def fill(seconds: float = float("inf")) -> bool:
    """Go on for about `seconds`; whether every tag has its owner.

    Any stop is harmless: the next call goes on. Raises alone.AtWork while another one runs.
    """
    until = time.monotonic() + seconds
    with alone("tag owners"):
        while _batch():
            if time.monotonic() >= until:
                return False
            time.sleep(PAUSE)
    return True


def _batch() -> bool:
    unowned = Tag.objects.filter(owner=None).order_by("pk").values_list("pk", flat=True)
    owner = Image.objects.filter(pk=OuterRef("image")).values("owner")[:1]
    with transaction.atomic():
        found = list(unowned[:BATCH])
        Tag.objects.filter(pk__in=found, owner=None).update(owner=Subquery(owner))
    return len(found) == BATCH
