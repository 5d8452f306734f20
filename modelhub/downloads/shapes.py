"""A download as JSON tells it; the fields are those of the clients that exist."""

from typing import Any

from django.urls import reverse

from modelhub.models import Download

Status = Download.Status


def task(download: Download) -> dict[str, Any]:
    """Sizes in bytes, `speed` in bytes a second, times in Unix seconds."""
    failed = download.status == Status.FAILED
    return {
        "id": str(download.pk),
        "source": download.source,
        "name": download.name,
        "type": download.kind or None,
        "status": download.status,
        "progress": progress(download),
        "totalSize": download.total_bytes,
        "downloadedSize": download.done_bytes,
        "speed": round(download.bytes_per_second),
        "etaSeconds": seconds_left(download),
        "error": download.error_message if failed else None,
        "errorCode": download.error_code or None,
        # What is not an error, yet worth knowing: why it waits, or that it was here already.
        "note": None if failed else download.error_message or None,
        "model": download.model.public_id if download.model else None,
        "modelPage": page(download),
        "createdAt": int(download.created_at.timestamp()),
        "finishedAt": int(download.finished_at.timestamp()) if download.finished_at else None,
    }


def page(download: Download) -> str | None:
    """The page of the model it made, on this server; None before it is there and after it is gone."""
    if download.model is None:
        return None
    return reverse("modelhub_pages:model", args=[download.model.pk])


def progress(download: Download) -> float:
    """0 to 100; 0 while nobody knows how much it is."""
    if download.status == Status.COMPLETED:
        return 100.0
    if not download.total_bytes:
        return 0.0
    return round(min(100.0, 100 * download.done_bytes / download.total_bytes), 1)


def seconds_left(download: Download) -> int | None:
    """None unless it moves and its size is known."""
    if download.status != Status.DOWNLOADING or not download.total_bytes:
        return None
    if download.bytes_per_second < 1:
        return None
    left = max(0, download.total_bytes - download.done_bytes)
    return round(left / download.bytes_per_second)
