"""The queue's truth: jobs, their pictures, and who has how much of the worker's time."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from gallery.models import Image


class Job(models.Model):
    """One order and what became of it. Only `generation.jobs` writes `status`.

    A job is claimed with a lease; `attempts` is the fencing token every later write must match.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="jobs"
    )
    client_job_id = models.CharField(max_length=128, blank=True)
    dialect = models.CharField(max_length=32)
    kind = models.CharField(max_length=16)
    model = models.CharField(max_length=255)
    status = models.CharField(max_length=9, choices=Status, default=Status.QUEUED)

    requested = models.JSONField(default=dict)
    spec = models.JSONField(default=dict)
    adjustments = models.JSONField(default=list)
    previews = models.BooleanField(default=False)

    priority = models.SmallIntegerField(default=0)
    # Start-time fair queueing: the queue's virtual time at which this job's share begins.
    fair_tag = models.FloatField(default=0.0)
    cost = models.FloatField(default=0.0)

    # What the job still takes of its owner's allowance of one UTC day; given back in part by an
    # end without a picture. The database has defaults, since an older release writes rows too.
    reserved_on = models.DateField(null=True, blank=True)
    reserved_images = models.PositiveSmallIntegerField(default=0, db_default=0)
    reserved_megapixel_steps = models.FloatField(default=0.0, db_default=0.0)

    attempts = models.PositiveSmallIntegerField(default=0)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)

    step = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0)
    # Raised by every visible change, never lowered: the ids of a job's events come from it.
    revision = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.TextField(blank=True)
    timings = models.JSONField(default=dict)

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        # Whole indexes: SQLite never matches a bound parameter with a partial index's condition.
        indexes: ClassVar = [
            models.Index(
                fields=["status", "fair_tag", "-priority", "created_at"], name="job_queued"
            ),
            models.Index(fields=["status", "lease_expires_at"], name="job_leased"),
            models.Index(fields=["owner", "status", "priority"], name="job_open_of_owner"),
            models.Index(fields=["owner", "-created_at", "-id"], name="job_of_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    @property
    def ended(self) -> bool:
        return self.status in ENDED


ENDED = frozenset({Job.Status.SUCCEEDED, Job.Status.FAILED, Job.Status.CANCELLED})
OPEN = frozenset({Job.Status.QUEUED, Job.Status.RUNNING})


class JobImage(models.Model):
    """Which picture a job made. A picture outlives its job, and a job its deleted pictures."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="job_images")
    image = models.ForeignKey(Image, on_delete=models.SET_NULL, null=True, related_name="+")
    index = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["index"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "index"], name="one_image_per_job_and_index")
        ]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.index}"


class JobPreview(models.Model):
    """The latest preview of a running job, apart from Job so that lists never carry the bytes."""

    job = models.OneToOneField(
        Job, on_delete=models.CASCADE, primary_key=True, related_name="preview"
    )
    step = models.PositiveIntegerField()
    # The job's revision this preview came with.
    revision = models.PositiveIntegerField()
    # A small WebP, at most 64 KB.
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.job_id} step {self.step}"


class FairShare(models.Model):
    """Moments of the queue's virtual time: its clock, and where each owner's share so far ends."""

    name = models.CharField(max_length=32, primary_key=True)
    virtual_time = models.FloatField(default=0.0)

    def __str__(self) -> str:
        return f"{self.name} at {self.virtual_time:.3f}"


class Submission(models.Model):
    """Proof that a request was accepted, so that its retry joins the same job.

    `key` is the Idempotency-Key, or empty for the retries that SDKs make without one.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255, blank=True)
    body_hash = models.CharField(max_length=64)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="submissions")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "key"], name="one_job_per_idempotency_key", condition=~Q(key="")
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["owner", "body_hash", "-created_at"], name="submission_of_body")
        ]

    def __str__(self) -> str:
        return f"{self.key or self.body_hash[:12]} -> {self.job_id}"


class WorkerStatus(models.Model):
    """What a worker last said of itself. The web process never asks a device: it reads this row."""

    worker = models.CharField(max_length=64, primary_key=True)
    host = models.CharField(max_length=255)
    device = models.CharField(max_length=64, blank=True)
    backend = models.CharField(max_length=32, blank=True)
    dtype = models.CharField(max_length=16, blank=True)
    # Public ids of the models that are warm in this worker's memory.
    models_loaded = models.JSONField(default=list)
    # Of the device; of the process where the device is the CPU. 0: not known.
    memory_used_bytes = models.PositiveBigIntegerField(default=0)
    memory_total_bytes = models.PositiveBigIntegerField(default=0)
    # 0 to 1; null where the device does not tell.
    utilization = models.FloatField(null=True, blank=True)
    busy_job = models.UUIDField(null=True, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering: ClassVar = ["worker"]
        verbose_name = "worker"

    def __str__(self) -> str:
        return f"{self.worker} on {self.device or self.host}"


class Unload(models.Model):
    """A worker is asked to let go of a model; it does so before its next job."""

    worker = models.CharField(max_length=64)
    model = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["worker", "model"], name="one_unload_a_model")
        ]

    def __str__(self) -> str:
        return f"{self.model} of {self.worker}"
