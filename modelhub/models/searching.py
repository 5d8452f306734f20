"""What the catalogues of the world answered: kept, so that it can be searched without them."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from modelhub.models.downloads import Source


class Found(models.Model):
    """A model in somebody else's catalogue, as of `fetched_at`. Text only: no HTML, no URL to show."""

    source = models.CharField(max_length=16, choices=Source)
    external_id = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=16, blank=True)
    base_model = models.CharField(max_length=64, blank=True)
    author = models.CharField(max_length=255, blank=True)
    description = models.TextField(blank=True)
    downloads = models.PositiveBigIntegerField(default=0)
    rating = models.FloatField(null=True, blank=True)
    tags = models.JSONField(default=list)
    # What an offline search looks in: name, author, base model and tags, folded.
    words = models.TextField(blank=True)
    nsfw = models.BooleanField(default=False)
    # As the API gives them: versions with their files.
    versions = models.JSONField(default=list)
    # Where our server gets the preview; pages show our own copy of it.
    preview = models.TextField(blank=True)
    fetched_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "external_id"], name="one_row_a_find")
        ]
        indexes: ClassVar = [models.Index(fields=["source", "-downloads"], name="found_popular")]

    def __str__(self) -> str:
        return f"{self.name} ({self.source})"


class Search(models.Model):
    """One question to a catalogue and the finds it named, in order; void when old."""

    source = models.CharField(max_length=16, choices=Source)
    # SHA-256 of everything that was asked.
    digest = models.CharField(max_length=64)
    found = models.JSONField(default=list)
    has_more = models.BooleanField(default=False)
    # What the catalogue wants to be told for the next page.
    onward = models.TextField(blank=True)
    fetched_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name_plural = "searches"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "digest"], name="one_answer_a_search")
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.digest[:8]}"
