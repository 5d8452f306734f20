"""People and the keys their programs hold."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

SCOPES = ("generate", "read", "models", "admin")
STAFF_SCOPES = frozenset({"models", "admin"})
LOCAL_USERNAME = "local"


class User(AbstractUser):
    """A person, or the built-in `local` user that callers act as when authentication is off."""

    def clean(self) -> None:
        super().clean()
        if self._state.adding and self.username == LOCAL_USERNAME:
            raise ValidationError({"username": f"{LOCAL_USERNAME!r} is a built-in user."})


class ApiKey(models.Model):
    """A program's credential: shown once, kept as a SHA-256 digest, found by its public prefix."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=8, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering: ClassVar = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"sk-alice-{self.prefix}… ({self.name})"

    @property
    def active(self) -> bool:
        if self.revoked_at is not None or not self.user.is_active:
            return False
        return self.expires_at is None or self.expires_at > timezone.now()
