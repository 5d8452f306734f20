"""Who came in, who was turned away, who left: Django's signals written to the audit log."""

import time
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import audit, lockout, names, sessions
from accounts.audit import Action
from accounts.models import User

# As long as a user name may be.
LONGEST_NAME = 150
# Enough to tell attempts under one unknown name from those under others, too little to find it.
MARK_LENGTH = 8
# When the person of a session last proved who he is, in Unix seconds.
PROVED_AT = "alice_proved_at"


@receiver(user_logged_in)
def came_in(request: HttpRequest, user: Any, **_: Any) -> None:
    sessions.describe(request)
    request.session[PROVED_AT] = time.time()
    if not isinstance(user, User):
        return
    factor = getattr(user, "otp_device", None) is not None
    by = getattr(user, "vouched_by", "password")
    audit.record(Action.LOGIN, audit.source(request, user), user, means=by, second_factor=factor)


@receiver(user_logged_out)
def left(request: HttpRequest, user: Any, **_: Any) -> None:
    if isinstance(user, User):
        audit.record(Action.LOGOUT, audit.source(request, user), user)


@receiver(user_login_failed)
def turned_away(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    if request is None or getattr(request, "axes_locked_out", False):
        # The lock was noted when it fell: a guesser must not be able to fill the log.
        return
    failed(request, str(credentials.get("username") or ""), "password")


def failed(request: HttpRequest, name: str, what: str) -> None:
    """Note a wrong `what`, and the lock where this was the last attempt."""
    by = audit.stranger(request)
    known = _known(name)
    told = {"username": known.username} if known else {"mark": lockout.mark(name)[:MARK_LENGTH]}
    audit.record(Action.LOGIN_FAILED, by, known, wrong=what, **told)
    if lockout.is_last(request):
        audit.record(Action.LOGIN_LOCKED, by, known, **told)


def _known(name: str) -> User | None:
    """Whose name it is, or looks like. Any other may be a password in the wrong field."""
    alike = User.objects.filter(name_key=names.key_of(name[:LONGEST_NAME]))
    return max(alike, key=lambda user: user.username == name, default=None)
