"""Models on their way here: downloads as rows, so that they survive a restart, and uploads in parts."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from modelhub.kinds import NAMINGS, Kind
from modelhub.models.catalog import CatalogModel


class Source(models.TextChoices):
    HUGGINGFACE = "huggingface", "Hugging Face"
    CIVITAI = "civitai", "CivitAI"
    URL = "url", "URL"
    S3 = "s3", "S3"


class Download(models.Model):
    """One model being fetched. The row is the truth; a thread of the download cluster leases it."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        DOWNLOADING = "downloading"
        VERIFYING = "verifying"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    OPEN: ClassVar = (Status.QUEUED, Status.DOWNLOADING, Status.VERIFYING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.CharField(max_length=16, choices=Source)
    # What was asked for, as its source names it: repository and revision, model and version, URL.
    asked = models.JSONField(default=dict)
    name = models.CharField(max_length=255)
    kind = models.CharField(
        max_length=16, blank=True, choices=[(kind.value, NAMINGS[kind].title) for kind in Kind]
    )
    # Where it will lie, relative to ALICE_MODELS_DIR: a file, or the folder of a snapshot.
    target = models.CharField(max_length=1024, blank=True)
    force = models.BooleanField(default=False)
    status = models.CharField(max_length=11, choices=Status, default=Status.QUEUED)
    total_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    done_bytes = models.PositiveBigIntegerField(default=0)
    # All that came over the line, tries that failed included.
    fetched_bytes = models.PositiveBigIntegerField(default=0)
    bytes_per_second = models.FloatField(default=0.0)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    cancel_requested = models.BooleanField(default=False)
    # Who works at it, and until when he must have said so again.
    holder = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    model = models.ForeignKey(
        CatalogModel, on_delete=models.SET_NULL, null=True, blank=True, related_name="downloads"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["status", "next_try_at"], name="download_next"),
            models.Index(fields=["-created_at", "-id"], name="download_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.status})"


class DownloadFile(models.Model):
    """One file of a download: where it comes from, how far it is, what it must turn out to be."""

    download = models.ForeignKey(Download, on_delete=models.CASCADE, related_name="files")
    # Relative to the download's target; empty where the target is the file itself.
    path = models.CharField(max_length=1024, blank=True)
    # Without secrets: tokens are added when it is opened, and only for its first host.
    url = models.TextField()
    etag = models.CharField(max_length=255, blank=True)
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    # As git names its content, where the source tells that alone.
    git_sha1 = models.CharField(max_length=40, blank=True)
    done_bytes = models.PositiveBigIntegerField(default=0)
    verified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "file of a download"
        verbose_name_plural = "files of downloads"
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["download", "path"], name="one_file_a_path")
        ]

    def __str__(self) -> str:
        return f"{self.path or self.url} of {self.download_id}"


class Upload(models.Model):
    """A model that somebody of the staff sends in parts; the parts lie beside the models."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    filename = models.CharField(max_length=255)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    received_bytes = models.PositiveBigIntegerField(default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    touched_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.filename}: {self.received_bytes} of {self.size_bytes}"
