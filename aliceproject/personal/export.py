"""Everything that is somebody's, as one zip that is made while it is sent."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, TypeVar
from zipfile import ZIP_DEFLATED, ZIP_STORED

from django.db.models import Count, Model, QuerySet, Sum
from django.utils import timezone
from zipstream.ng import ZipStream

from accounts import quotas
from accounts.models import AuditEntry, Registration, User
from gallery import retention, storage
from gallery.errors import FileLost, StorageDown
from gallery.models import Image
from generation.models import Job

ROWS = 100
M = TypeVar("M", bound=Model)
Facts = dict[str, Any]


def summary(user: User) -> Facts:
    """What an export would hold: pictures, bytes (of the pictures), albums, jobs, keys."""
    found = _pictures(user, timezone.now()).aggregate(count=Count("pk"), size=Sum("size_bytes"))
    return {
        "pictures": found["count"],
        "bytes": found["size"] or 0,
        "albums": user.albums.count(),
        "jobs": Job.objects.filter(owner=user).count(),
        "keys": user.api_keys.count(),
    }


def pieces(user: User) -> Iterator[bytes]:
    """The zip: `pictures/<id>.png` and, as JSON, profile with usage, and PARTS: among them
    pictures with recipe and tags, and the user's own entries of the audit log.

    No secret is in it. Rows are read a hundred at a time. A picture whose file cannot be read is
    named in missing.json; what comes into being meanwhile is left out.
    """
    now = timezone.now()
    archive = ZipStream(compress_type=ZIP_DEFLATED)
    for name, facts in PARTS.items():
        archive.add(_array(facts(user, now)), f"{name}.json")
    archive.add(_json(profile(user)), "profile.json")
    yield from archive.all_files()
    missing = []
    for image in _rows(_pictures(user, now)):
        try:
            png = storage.read(image)
        except (FileLost, StorageDown) as problem:
            missing.append({"id": str(image.pk), "reason": problem.code})
            continue
        archive.add(png, f"pictures/{image.pk}.png", compress_type=ZIP_STORED)
        yield from archive.all_files()
    if missing:
        archive.add(_json(missing), "missing.json")
    yield from archive.finalize()


def profile(user: User) -> Facts:
    return {
        "id": user.pk,
        "username": user.username,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "email": user.email,
        "isStaff": user.is_staff,
        "joinedAt": _at(user.date_joined),
        "lastLoginAt": _at(user.last_login),
        "retentionDays": retention.days_of(user),
        "usage": quotas.left(user),
    }


def _keys(user: User, _: datetime) -> Iterator[Facts]:
    for key in _rows(user.api_keys.all()):
        yield {
            "id": key.pk,
            "name": key.name,
            "prefix": key.prefix,
            "scopes": key.scopes,
            "rateLimit": key.rate_limit,
            "createdAt": _at(key.created_at),
            "expiresAt": _at(key.expires_at),
            "revokedAt": _at(key.revoked_at),
            "lastUsedAt": _at(key.last_used_at),
        }


def _sessions(user: User, _: datetime) -> Iterator[Facts]:
    """Where the user is signed in; the key of a session is a secret."""
    for session in _rows(user.sessions.all()):
        yield {
            "agent": session.agent,
            "address": session.address,
            "createdAt": _at(session.created_at),
            "lastSeenAt": _at(session.last_seen_at),
            "expiresAt": _at(session.expire_date),
        }


def _identities(user: User, _: datetime) -> Iterator[Facts]:
    for identity in _rows(user.open_identities.all()):
        yield {
            "issuer": identity.issuer,
            "subject": identity.subject,
            "label": identity.label,
            "createdAt": _at(identity.created_at),
            "lastUsedAt": _at(identity.last_used_at),
        }


def _registration(user: User, _: datetime) -> Iterator[Facts]:
    """How the user asked for the account; nothing where staff or a provider made it."""
    for row in _rows(Registration.objects.filter(user=user)):
        yield {
            "username": row.username,
            "email": row.email,
            "message": row.message,
            "status": row.status,
            "createdAt": _at(row.created_at),
            "decidedAt": _at(row.decided_at),
        }


def _invites(user: User, _: datetime) -> Iterator[Facts]:
    """The invites the user made; a code is a secret, and not kept."""
    for invite in _rows(user.invites.all()):
        yield {
            "id": invite.pk,
            "hint": invite.hint,
            "note": invite.note,
            "uses": invite.uses,
            "used": invite.used,
            "createdAt": _at(invite.created_at),
            "expiresAt": _at(invite.expires_at),
            "revokedAt": _at(invite.revoked_at),
        }


def _albums(user: User, _: datetime) -> Iterator[Facts]:
    for album in _rows(user.albums.all()):
        pictures = album.entries.order_by("-added_at", "-pk").values_list("image_id", flat=True)
        yield {
            "id": str(album.pk),
            "name": album.name,
            "createdAt": _at(album.created_at),
            "pictures": [str(key) for key in pictures],
        }


def _jobs(user: User, now: datetime) -> Iterator[Facts]:
    mine = Job.objects.filter(owner=user, created_at__lte=now).prefetch_related("job_images")
    for job in _rows(mine):
        yield {
            "id": str(job.pk),
            "clientJobId": job.client_job_id,
            "status": job.status,
            "dialect": job.dialect,
            "kind": job.kind,
            "model": job.model,
            "requested": job.requested,
            "spec": job.spec,
            "adjustments": job.adjustments,
            "errorCode": job.error_code,
            "errorMessage": job.error_message,
            "timings": job.timings,
            "createdAt": _at(job.created_at),
            "startedAt": _at(job.started_at),
            "finishedAt": _at(job.finished_at),
            "pictures": [str(one.image_id) for one in job.job_images.all() if one.image_id],
        }


def _facts_of_pictures(user: User, now: datetime) -> Iterator[Facts]:
    for image in _rows(_pictures(user, now).prefetch_related("tags")):
        yield {
            "id": str(image.pk),
            "file": f"pictures/{image.pk}.png",
            "createdAt": _at(image.created_at),
            "sha256": image.sha256,
            "bytes": image.size_bytes,
            "recipe": image.recipe,
            "tags": sorted(tag.name for tag in image.tags.all()),
            "favourite": image.favourite,
            "keep": image.keep,
            "isPublic": image.shared,
            "publicUntil": _at(image.public_until),
        }


def _audit(user: User, now: datetime) -> Iterator[Facts]:
    """What the user did, as the log has it; not what others did."""
    for entry in _rows(AuditEntry.objects.filter(actor_id=user.pk, at__lte=now)):
        yield {
            "at": _at(entry.at),
            "action": entry.action,
            "keyPrefix": entry.key_prefix,
            "address": entry.address,
            "targetType": entry.target_type,
            "targetId": entry.target_id,
            "detail": entry.detail,
        }


PARTS: dict[str, Callable[[User, datetime], Iterator[Facts]]] = {
    "keys": _keys,
    "sessions": _sessions,
    "identities": _identities,
    "registration": _registration,
    "invites": _invites,
    "albums": _albums,
    "jobs": _jobs,
    "pictures": _facts_of_pictures,
    "audit": _audit,
}


def _pictures(user: User, now: datetime) -> QuerySet[Image]:
    mine = Image.objects.filter(owner=user, created_at__lte=now)
    return mine.exclude(state=Image.State.DELETING)


def _rows(rows: QuerySet[M]) -> Iterator[M]:
    ordered = rows.order_by("pk")
    batch = list(ordered[:ROWS])
    while batch:
        yield from batch
        batch = list(ordered.filter(pk__gt=batch[-1].pk)[:ROWS])


def _array(facts: Iterable[Facts]) -> Iterator[bytes]:
    """A JSON array, a line for each of its objects."""
    yield b"["
    for number, one in enumerate(facts):
        yield (b",\n" if number else b"\n") + _json(one)
    yield b"\n]\n"


def _json(value: Any) -> bytes:
    # Half of a surrogate pair, which a prompt may hold, has no place in UTF-8.
    return json.dumps(value, ensure_ascii=False).encode(errors="replace")


def _at(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
