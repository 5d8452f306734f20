"""The models this server knows: rows that mirror what lies in the models folder."""

from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from modelhub.families import TRAITS, Family, Traits


class CatalogModel(models.Model):
    """One installed checkpoint. `path` is relative to ALICE_MODELS_DIR, so hosts may differ."""

    class State(models.TextChoices):
        READY = "ready"
        MISSING = "missing"
        CORRUPT = "corrupt"
        UNSUPPORTED = "unsupported"

    class Layout(models.TextChoices):
        DIFFUSERS = "diffusers"
        SINGLE_FILE = "single_file"

    public_id = models.CharField(max_length=255, unique=True)
    path = models.CharField(max_length=1024, unique=True)
    layout = models.CharField(max_length=16, choices=Layout)
    # Empty when a broken or foreign model does not say.
    family = models.CharField(
        max_length=16, blank=True, choices=[(f.value, TRAITS[f].title) for f in Family]
    )
    kind = models.CharField(max_length=16, default="checkpoint")
    native_resolution = models.PositiveIntegerField()
    size_bytes = models.PositiveBigIntegerField(default=0)
    precision = models.CharField(max_length=16, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    defaults = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.READY)
    detail = models.TextField(blank=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["public_id"]

    def __str__(self) -> str:
        return self.public_id

    @property
    def traits(self) -> Traits:
        return TRAITS[Family(self.family)]

    @property
    def location(self) -> Path:
        return Path(settings.ALICE_MODELS_DIR) / self.path
