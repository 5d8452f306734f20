"""People, how they came, what they may use, and the keys their programs hold."""

import uuid
from collections.abc import Collection
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django_otp.models import Device, ThrottlingMixin, TimestampMixin
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import names
from accounts.sealing import SealedText, unseal

SCOPES = ("generate", "read", "models", "admin")
STAFF_SCOPES = frozenset({"models", "admin"})
LOCAL_USERNAME = "local"


class User(AbstractUser):  # type: ignore[django-manager-missing] # authenticatorapp_set: untyped
    """A person, or the built-in `local` user that callers act as when authentication is off."""

    # What the name looks like. Not unique: a command of the operator's may make twins.
    name_key = models.CharField(max_length=450, default="", db_index=True, editable=False)

    def save(self, *args: Any, **options: Any) -> None:
        self.name_key = names.key_of(self.username)
        if "username" in (options.get("update_fields") or ()):
            options["update_fields"] = {*options["update_fields"], "name_key"}
        super().save(*args, **options)

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
    # Requests a minute; null: what the settings allow every key.
    rate_limit = models.PositiveIntegerField(null=True, blank=True)
    # The key that took over from this one; both open until this one's expiry.
    successor = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="predecessor"
    )
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


class Invite(models.Model):
    """Lets whoever holds its code register, `uses` times at most. Kept as a digest, like a key."""

    digest = models.CharField(max_length=64, unique=True, editable=False)
    # The first characters of the code: enough to tell invites apart, too few to use one.
    hint = models.CharField(max_length=8, editable=False)
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="invites", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=1)
    used = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.hint}… ({self.used} of {self.uses})"


class Registration(models.Model):
    """Somebody who asked for an account, and what became of it. No user exists before approval."""

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(max_length=150)
    email = models.EmailField(blank=True)
    # Hashed; emptied as soon as the request is decided.
    password = models.CharField(max_length=128, blank=True, editable=False)
    message = models.CharField(max_length=1000, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    reason = models.CharField(max_length=1000, blank=True)
    invite = models.ForeignKey(Invite, on_delete=models.SET_NULL, null=True, blank=True)
    user = models.OneToOneField(User, on_delete=models.SET_NULL, null=True, blank=True)
    decided_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["status", "-created_at"], name="registration_status")
        ]

    def __str__(self) -> str:
        return f"{self.username} ({self.status})"


class Quota(models.Model):
    """What a role, or one user instead of the role's, may use. Null: no limit of this kind."""

    class Role(models.TextChoices):
        USER = "user"
        STAFF = "staff"

    role = models.CharField(max_length=5, choices=Role, null=True, blank=True, unique=True)
    user = models.OneToOneField(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="quota"
    )
    queued_jobs = models.PositiveIntegerField(null=True, blank=True)
    running_jobs = models.PositiveIntegerField(null=True, blank=True)
    images_per_day = models.PositiveIntegerField(null=True, blank=True)
    megapixel_steps_per_day = models.FloatField(null=True, blank=True)
    stored_bytes = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(role=None, user__isnull=False)
                | models.Q(role__isnull=False, user=None),
                name="quota_of_a_role_or_a_user",
            )
        ]

    def __str__(self) -> str:
        return f"quota of {self.user or f'role {self.role}'}"

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """As Django's, but the constraint speaks of columns; this speaks to whoever fills a form."""
        known = not {"role", "user"} & set(exclude or ())
        if known and bool(self.role) == bool(self.user_id):
            raise ValidationError("Choose a role or a user, one of the two.")
        super().validate_constraints(exclude)


class Usage(models.Model):
    """What a user has in use now and had today: the one row that every quota check locks."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="usage"
    )
    queued_jobs = models.PositiveIntegerField(default=0)
    running_jobs = models.PositiveIntegerField(default=0)
    # The UTC day that the two sums below belong to.
    day = models.DateField(null=True, blank=True)
    images_today = models.PositiveIntegerField(default=0)
    megapixel_steps_today = models.FloatField(default=0.0)
    stored_images = models.PositiveIntegerField(default=0)
    stored_bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = verbose_name_plural = "usage"

    def __str__(self) -> str:
        return f"usage of {self.user_id}"


class RateWindow(models.Model):
    """How often something was asked in its present minute; counted up by one upsert."""

    name = models.CharField(max_length=200, primary_key=True)
    minute = models.BigIntegerField()
    count = models.PositiveIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["minute"], name="rate_window_minute")]

    def __str__(self) -> str:
        return f"{self.name}: {self.count}"


class Ticket(models.Model):
    """Opens one websocket in the name of a key or a session, soon; then it is gone."""

    digest = models.CharField(max_length=64, primary_key=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, related_name="+")
    session = models.CharField(max_length=40, blank=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"ticket of {self.user_id}"


class OpenSockets(models.Model):
    """How many websockets of a user one process holds open; void when not renewed for a while."""

    process = models.UUIDField()
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    count = models.PositiveIntegerField(default=0)
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "open sockets"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "process"], name="one_count_a_process")
        ]

    def __str__(self) -> str:
        return f"{self.count} of {self.user_id}"


class AuditEntry(models.Model):
    """One thing that somebody did. Written once, never changed: the database refuses.

    The actor is named by value: an entry outlives the account it tells of.
    """

    at = models.DateTimeField(default=timezone.now, editable=False)
    action = models.CharField(max_length=64)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150, blank=True)
    # The prefix of the API key that was used, if any.
    key_prefix = models.CharField(max_length=8, blank=True)
    address = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    target_type = models.CharField(max_length=32, blank=True)
    target_id = models.CharField(max_length=255, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "audit entries"
        ordering: ClassVar = ["-at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["action", "-at"], name="audit_action"),
            models.Index(fields=["actor_name", "-at"], name="audit_actor_name"),
            models.Index(fields=["address", "-at"], name="audit_address"),
            models.Index(fields=["target_type", "target_id", "-at"], name="audit_target"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor_name or 'nobody'} {self.action}"


class AuthenticatorApp(TimestampMixin, ThrottlingMixin, Device):  # type: ignore[misc] # untyped
    """An app that shows codes: django-otp's TOTP device, but for its secret, which lies sealed."""

    sealed = SealedText(editable=False)
    # How far the app's clock is off, and the last time step that a code was taken for.
    drift = models.SmallIntegerField(default=0, editable=False)
    last_t = models.BigIntegerField(default=-1, editable=False)

    step, t0, digits, tolerance = 30, 0, 6, 1
    verify_token = TOTPDevice.verify_token
    config_url = TOTPDevice.config_url
    _read_str_from_settings = TOTPDevice._read_str_from_settings  # noqa: SLF001 config_url needs it

    class Meta(Device.Meta):  # type: ignore[misc] # untyped
        verbose_name = "authenticator app"

    @property
    def bin_key(self) -> bytes:
        """The secret. Raises Unsealable."""
        return bytes.fromhex(unseal(self.sealed))

    def get_throttle_factor(self) -> int:
        return int(getattr(settings, "OTP_TOTP_THROTTLE_FACTOR", 1))


class Session(AbstractBaseSession):
    """A browser's session, and whose it is: so that a person can see and end the others."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions")
    agent = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)

    class Meta(AbstractBaseSession.Meta):
        abstract = False

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        from accounts.sessions import SessionStore

        return SessionStore


class OpenIdentity(models.Model):
    """Somebody as an OpenID Connect provider knows him: its issuer and the subject it names.

    Without a user it belongs to a registration that waits for approval.
    """

    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    # What the provider calls the person: shown, never trusted.
    label = models.CharField(max_length=254, blank=True)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, related_name="open_identities"
    )
    registration = models.OneToOneField(
        Registration, on_delete=models.CASCADE, null=True, related_name="open_identity"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "OpenID identity"
        verbose_name_plural = "OpenID identities"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="one_identity_a_subject")
        ]

    def __str__(self) -> str:
        return f"{self.label or self.subject} at {self.issuer}"
