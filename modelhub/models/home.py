"""Which folder the rows of models mirror, where several hosts share the database."""

from typing import ClassVar

from django.db import models


class ModelsHome(models.Model):
    """The one row there is: the mark in that folder, and who last read it where."""

    ONLY: ClassVar = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    mark = models.CharField(max_length=32)
    host = models.CharField(max_length=255)
    path = models.CharField(max_length=4096)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.path} on {self.host}"
