"""The models this server knows: rows that mirror what lies in the models folder."""

from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from modelhub.families import Family, Traits, traits_of
from modelhub.kinds import NAMINGS, Kind


class CatalogModel(models.Model):
    """One installed model of any kind. `path` is relative to ALICE_MODELS_DIR, so hosts may differ."""

    class State(models.TextChoices):
        READY = "ready"
        MISSING = "missing"
        CORRUPT = "corrupt"
        UNSUPPORTED = "unsupported"
        # Asked to be deleted; its files go when no running job needs them any more.
        DELETING = "deleting"

    class Layout(models.TextChoices):
        DIFFUSERS = "diffusers"
        SINGLE_FILE = "single_file"

    class Visibility(models.TextChoices):
        EVERYONE = "everyone"
        STAFF = "staff"

    public_id = models.CharField(max_length=255, unique=True)
    path = models.CharField(max_length=1024, unique=True)
    layout = models.CharField(max_length=16, choices=Layout)
    # What it is, from its content. The family is empty when a broken or foreign model does not say;
    # a LoRA's is the family it was trained for.
    kind = models.CharField(
        max_length=16,
        default=Kind.CHECKPOINT,
        choices=[(kind.value, NAMINGS[kind].title) for kind in Kind],
    )
    family = models.CharField(max_length=24, blank=True)
    # Within the family: refiner, turbo, inpaint, schnell, large ...; empty: the plain one.
    variant = models.CharField(max_length=24, blank=True)
    # epsilon, v_prediction, flow; empty: what the family uses.
    prediction_type = models.CharField(max_length=16, blank=True)
    native_resolution = models.PositiveIntegerField()
    size_bytes = models.PositiveBigIntegerField(default=0)
    precision = models.CharField(max_length=16, blank=True)
    trigger_words = models.JSONField(default=list, blank=True)
    # What the file's own header, its side-car and its source say: shown, never trusted.
    metadata = models.JSONField(default=dict, blank=True)
    sidecar = models.JSONField(default=dict, blank=True)
    sidecar_problem = models.TextField(blank=True)
    source = models.JSONField(default=dict, blank=True)
    # Sizes and times of the files as they were when last looked at: unchanged, they need no look.
    fingerprint = models.CharField(max_length=64, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    duplicate_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="duplicates"
    )
    state = models.CharField(max_length=16, choices=State, default=State.READY)
    detail = models.TextField(blank=True)
    # What staff decided.
    enabled = models.BooleanField(default=True)
    visibility = models.CharField(max_length=8, choices=Visibility, default=Visibility.EVERYONE)
    is_default = models.BooleanField(default=False)
    defaults = models.JSONField(default=dict, blank=True)
    limits = models.JSONField(default=dict, blank=True)
    # The fast copy in diffusers layout, relative to ALICE_MODELS_DIR; and what loading takes.
    converted_path = models.CharField(max_length=1024, blank=True)
    converted_bytes = models.PositiveBigIntegerField(default=0)
    conversion_problem = models.TextField(blank=True)
    memory_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "model"
        ordering: ClassVar = ["public_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="one_default_model"
            )
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def traits(self) -> Traits:
        return traits_of(Family(self.family), self.variant)

    @property
    def location(self) -> Path:
        return Path(settings.ALICE_MODELS_DIR) / self.path


class Alias(models.Model):
    """Another name for a model, as clients may have it built in: dall-e-3, gpt-image-1, mine."""

    name = models.CharField(max_length=255, unique=True)
    model = models.ForeignKey(CatalogModel, on_delete=models.CASCADE, related_name="aliases")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "aliases"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return f"{self.name} → {self.model_id}"
