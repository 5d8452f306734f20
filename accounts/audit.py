"""The audit log: who did what to whom, written in the same transaction as the deed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from accounts.models import ApiKey, AuditEntry, User

LONGEST_ID = 64


class Action(StrEnum):
    """What is worth remembering."""

    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGIN_LOCKED = "login_locked"
    LOGOUT = "logout"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 a name, no password
    SECOND_FACTOR_ADDED = "second_factor_added"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
    SESSIONS_ENDED = "sessions_ended"
    OPENID_LINKED = "openid_linked"
    OPENID_UNLINKED = "openid_unlinked"
    OPENID_REFUSED = "openid_refused"
    KEY_CREATED = "key_created"
    KEY_ROTATED = "key_rotated"
    KEY_REVOKED = "key_revoked"
    INVITE_CREATED = "invite_created"
    INVITE_REVOKED = "invite_revoked"
    REGISTERED = "registered"
    REGISTRATION_APPROVED = "registration_approved"
    REGISTRATION_REJECTED = "registration_rejected"
    USER_DEACTIVATED = "user_deactivated"
    USER_REACTIVATED = "user_reactivated"
    USER_ROLE_CHANGED = "user_role_changed"
    USER_ERASED = "user_erased"
    GROUP_CHANGED = "group_changed"
    ROW_DELETED = "row_deleted"
    DATA_EXPORTED = "data_exported"
    QUOTA_CHANGED = "quota_changed"
    PRIVACY_CHANGED = "privacy_changed"
    PRIVATE_PICTURE_VIEWED = "private_picture_viewed"
    PICTURE_DELETED = "picture_deleted"
    JOB_CHANGED = "job_changed"
    MODELS_REFRESHED = "models_refreshed"
    MODEL_CHANGED = "model_changed"
    MODEL_DELETED = "model_deleted"
    MODEL_DOWNLOAD_ASKED = "model_download_asked"
    MODEL_DOWNLOAD_CANCELLED = "model_download_cancelled"
    MODEL_DOWNLOAD_FORGOTTEN = "model_download_forgotten"
    MODEL_DOWNLOADED = "model_downloaded"
    MODEL_UPLOADED = "model_uploaded"
    GALLERY_CLEANED = "gallery_cleaned"
    AUDIT_EXPORTED = "audit_exported"
    ACCESS_REFUSED = "access_refused"


@dataclass(frozen=True, slots=True)
class Source:
    """Who acts, and from where. All empty: the server itself, by schedule or command."""

    user: User | None = None
    key: ApiKey | None = None
    address: str = ""
    request_id: str = ""


SYSTEM = Source()


def source(request: HttpRequest, user: User | None = None, key: ApiKey | None = None) -> Source:
    """The source of what happens in `request`; `user` defaults to the session's."""
    if user is None and isinstance(getattr(request, "user", None), User):
        user = request.user  # type: ignore[assignment]  # an anonymous one is not a User
    scope: dict[str, Any] = getattr(request, "scope", {})
    name = str(scope.get("request_id") or "")[:LONGEST_ID]
    return Source(user, key, str(request.META.get("REMOTE_ADDR") or "")[:LONGEST_ID], name)


def stranger(request: HttpRequest) -> Source:
    """The place a request comes from, whoever sends it."""
    here = source(request)
    return Source(None, None, here.address, here.request_id)


def record(
    action: Action, by: Source = SYSTEM, target: Model | None = None, /, **detail: Any
) -> AuditEntry:
    """Write an entry; inside a transaction it stands or falls with the deed.

    `detail` must be JSON, and never holds a secret, a password or a prompt.
    """
    return AuditEntry.objects.create(
        action=action,
        actor_id=by.user.pk if by.user else None,
        actor_name=by.user.username if by.user else "",
        key_prefix=by.key.prefix if by.key else "",
        address=by.address,
        request_id=by.request_id,
        # Of the model itself: a request's user is wrapped into an object of another class.
        target_type=str(target._meta.model_name) if target is not None else "",  # noqa: SLF001 Django's documented way to a model's name
        target_id=str(target.pk) if target is not None else "",
        detail=detail,
    )
