"""Sessions in the database that know whose they are: SESSION_ENGINE."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.audit import Action, Source
from accounts.models import Session, User

logger = logging.getLogger(__name__)

TOUCH_EVERY = timedelta(minutes=5)
ABOUT = "alice_about"


class SessionStore(db.SessionStore):
    """Django's own, with the columns of accounts.models.Session filled."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        session: Any = super().create_model_instance(data)
        user, about = data.get(SESSION_KEY), data.get(ABOUT, {})
        session.user_id = int(user) if user else None
        session.agent = about.get("agent", "")
        session.address = about.get("address", "")
        if "since" in about:
            session.created_at = datetime.fromisoformat(about["since"])
        return session

    def _get_session_from_db(self) -> Session | None:
        session: Session | None = super()._get_session_from_db()  # type: ignore[misc] # missing in Django's stubs
        if session is not None:
            _touch(session)
        return session


def describe(request: HttpRequest) -> None:
    """Note in the session which browser it is; shown to its owner only."""
    request.session[ABOUT] = {
        "agent": request.headers.get("User-Agent", "")[:200],
        "address": str(request.META.get("REMOTE_ADDR") or "")[:64],
        "since": timezone.now().isoformat(),
    }


def end_others(user: User, kept: str | None = None) -> int:
    """End the sessions of `user` but the one with the key `kept`; how many ended."""
    ended, _ = Session.objects.filter(user=user).exclude(session_key=kept or "").delete()
    return ended


def sign_out_others(user: User, kept: str | None, by: Source) -> None:
    """As end_others, and noted where there were any: what they were opened with no longer does."""
    if ended := end_others(user, kept):
        audit.record(Action.SESSIONS_ENDED, by, user, sessions=ended)


def _touch(session: Session) -> None:
    """Note that it was seen, at most once in five minutes."""
    now = timezone.now()
    if session.last_seen_at > now - TOUCH_EVERY:
        return
    try:
        Session.objects.filter(pk=session.pk).update(last_seen_at=now)
    except DatabaseError:
        # A full or read-only disk must not sign anybody out.
        logger.warning("Could not note the use of a session", exc_info=True)
