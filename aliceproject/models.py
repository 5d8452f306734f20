"""What belongs to no single app: accounts on their way out."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Erasure(models.Model):
    """An account that is being erased: the row goes with the user, when nothing else is left."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="erasure",
    )
    asked_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"erasure of {self.user_id}"
