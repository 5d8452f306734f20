"""Who reached for what is for staff: noted once an hour, so that nobody fills the log by knocking."""

import logging
from datetime import timedelta

from django.db import DatabaseError
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.audit import Action
from accounts.models import ApiKey, AuditEntry, User

logger = logging.getLogger(__name__)

NOTED_ONCE_IN = timedelta(hours=1)
LONGEST_PATH = 200


def note(request: HttpRequest, user: User, key: ApiKey | None = None) -> None:
    """`user` asked, perhaps by a key, for what he has no right to."""
    noted = AuditEntry.objects.filter(
        actor_name=user.username,
        at__gt=timezone.now() - NOTED_ONCE_IN,
        action=Action.ACCESS_REFUSED,
        key_prefix=key.prefix if key else "",
    )
    asked = {"method": request.method, "path": request.path[:LONGEST_PATH]}
    try:
        if not noted.exists():
            audit.record(Action.ACCESS_REFUSED, audit.source(request, user, key), None, **asked)
    except DatabaseError:
        # A full or read-only disk must not make a refusal a failure.
        logger.warning("Could not note a refusal", exc_info=True)
