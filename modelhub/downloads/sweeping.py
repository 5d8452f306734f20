"""What downloads leave behind that nobody will take up again."""

import shutil
from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from modelhub.downloads import places
from modelhub.models import Download

# So long what came of a failed or cancelled one can be gone on with.
PARTS_KEPT = timedelta(days=7)
# And so long the list tells of those that are over.
ROWS_KEPT = timedelta(days=90)


def sweep() -> int:
    """Remove old parts, the folders of rows that are gone, and old rows; how many folders went."""
    now = timezone.now()
    over = Download.objects.exclude(status__in=Download.OPEN)
    over.filter(finished_at__lt=now - ROWS_KEPT).delete()
    folder = places.root() / places.FOLDER
    # Looked at before the rows: each folder was made for a row that was there by then.
    listed = list(folder.iterdir()) if folder.is_dir() else []
    alive = Q(status__in=Download.OPEN) | Q(finished_at__gte=now - PARTS_KEPT)
    kept = set(Download.objects.filter(alive).values_list("pk", flat=True))
    gone = 0
    for path in listed:
        if _id(path.name) not in kept:
            shutil.rmtree(path, ignore_errors=True)
            gone += 1
    return gone


def _id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
