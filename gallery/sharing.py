"""Who may see a picture: its owner, staff, everybody for a while, or whoever holds a link."""

import base64
import binascii
import struct
import time
import uuid
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEntry, User
from accounts.problems import Forbidden, Invalid, NotFound
from gallery.errors import GONE
from gallery.models import SHOWN, Image

# Image id, expiry in Unix seconds, visibility version: 24 bytes are 32 characters, unpadded.
PAYLOAD = struct.Struct(">16sII")
EXTENSIONS = {"png": "png", "jpeg": "jpg", "jpg": "jpg", "webp": "webp"}
SHORTEST_HOURS, LONGEST_HOURS = 1, 168
DEFAULT_HOURS = LONGEST_HOURS
NOTED_ONCE_IN = timedelta(hours=1)


def link(image: Image, fmt: str = "png", base_url: str = "") -> str:
    """`/images/{token}.{ext}` under `base_url`: opens the picture without credentials.

    Lives ALICE_LINK_SECONDS; dead at once when the picture is deleted, its privacy changes or its
    share ends.
    """
    expiry = int(time.time()) + settings.ALICE_LINK_SECONDS
    payload = PAYLOAD.pack(image.pk.bytes, expiry, image.link_version)
    token = _signer().sign(base64.urlsafe_b64encode(payload).decode())
    return f"{base_url.rstrip('/')}/images/{token}.{EXTENSIONS[fmt]}"


def address(image: Image, viewer: User, base_url: str) -> str:
    """Where `viewer` fetches the picture: its link, which opens without credentials.

    Staff get no link to what somebody keeps private: they look at it where looking leaves a trace.
    """
    if image.owner_id == viewer.pk or image.shared:
        return link(image, base_url=base_url)
    return f"{base_url}/v1/images/{image.pk}/file"


def open_link(token: str) -> Image | None:
    """The picture a live token opens; None for a forged, expired or revoked one."""
    opened = _unpack(token)
    if opened is None:
        return None
    image, expiry, version = opened
    live = expiry > time.time() and version == image.link_version
    # Who is shut out shares nothing any more, neither by list nor by link.
    return image if live and image.owner.is_active else None


def named_by(token: str) -> Image | None:
    """The picture of a token of ours, live or not: the caller must ask visible_to."""
    opened = _unpack(token)
    return opened[0] if opened else None


def visible_to(image: Image, user: User | AnonymousUser | None) -> bool:
    """Owner, staff, or anybody while the picture is shared; nobody once it is being deleted."""
    if image.state == Image.State.DELETING:
        return False
    if isinstance(user, User) and user.is_active and (user.is_staff or user.pk == image.owner_id):
        return True
    return image.shared and image.owner.is_active


def shared_now(prefix: str = "") -> Q:
    """visible_to for anybody, as a condition on pictures or on a relation to them."""
    lasting = Q(**{f"{prefix}public_until": None}) | Q(
        **{f"{prefix}public_until__gt": timezone.now()}
    )
    # A short list, asked for once: a join would keep an index from giving pictures in order.
    shut_out = User.objects.filter(is_active=False).values("pk")
    return Q(**{f"{prefix}is_public": True}) & lasting & ~Q(**{f"{prefix}owner__in": shut_out})


def set_privacy(
    image: Image, *, public: bool, hours: int = DEFAULT_HOURS, by: audit.Source = audit.SYSTEM
) -> None:
    """Share the picture for 1..168 `hours`, or end the share; every earlier link dies.

    Raises Forbidden when `by` is neither the owner nor staff ending a share, and NotFound for a
    picture that was deleted meanwhile.
    """
    check_hours(hours)
    if by.user and by.user.pk != image.owner_id and (public or not by.user.is_staff):
        raise Forbidden("Only its owner may share a picture.")
    until = timezone.now() + timedelta(hours=hours) if public else None
    with transaction.atomic():
        found = Image.objects.filter(SHOWN, pk=image.pk).update(
            is_public=public,
            public_until=until,
            # By two: the one between was for links made after the end of a share.
            visibility_version=F("visibility_version") + 2,
        )
        if not found:
            raise NotFound(GONE)
        audit.record(
            audit.Action.PRIVACY_CHANGED,
            by,
            image,
            public=public,
            until=int(until.timestamp()) if until else None,
        )
    image.refresh_from_db(fields=["is_public", "public_until", "visibility_version"])


def check_hours(hours: int) -> None:
    """Raises Invalid for a share that is too short or too long."""
    if not SHORTEST_HOURS <= hours <= LONGEST_HOURS:
        raise Invalid(
            f"expiresInHours must be a whole number from {SHORTEST_HOURS} to {LONGEST_HOURS}.",
            param="expiresInHours",
        )


def note_view(image: Image, by: audit.Source) -> None:
    """Staff who open somebody's private picture leave a trace, once an hour a picture."""
    if by.user is None or by.user.pk == image.owner_id or not by.user.is_staff or image.shared:
        return
    noted = AuditEntry.objects.filter(
        target_type="image",
        target_id=str(image.pk),
        action=audit.Action.PRIVATE_PICTURE_VIEWED,
        actor_id=by.user.pk,
        at__gt=timezone.now() - NOTED_ONCE_IN,
    )
    if not noted.exists():
        audit.record(audit.Action.PRIVATE_PICTURE_VIEWED, by, image, owner=image.owner_id)


def _signer() -> Signer:
    return Signer(salt="gallery.sharing.link", sep=".")


def _unpack(token: str) -> tuple[Image, int, int] | None:
    try:
        payload = base64.urlsafe_b64decode(_signer().unsign(token))
        raw, expiry, version = PAYLOAD.unpack(payload)
    except (BadSignature, binascii.Error, struct.error):
        return None
    stored = Image.objects.select_related("owner").filter(state=Image.State.STORED)
    image = stored.filter(pk=uuid.UUID(bytes=raw)).first()
    return (image, expiry, version) if image else None
