"""The first administrator, made once by whoever starts the server, never over HTTP."""

import secrets
from typing import NamedTuple

from django.db import IntegrityError, transaction

from accounts import keys
from accounts.models import SCOPES, User

USERNAME = "admin"


class FirstAdmin(NamedTuple):
    """Secrets to print once: nothing can show them again."""

    user: User
    password: str
    key: str


def ensure() -> FirstAdmin | None:
    """Create `admin` where there is no administrator yet; None where there is one.

    Safe to call twice and from several processes at once: one call wins.
    """
    password = secrets.token_urlsafe(15)
    try:
        with transaction.atomic():
            if _present():
                return None
            user = User.objects.create_superuser(USERNAME, password=password)
            _, key = keys.mint(user, "first start", SCOPES)
    except IntegrityError:
        # Another process created it between our look and our insert.
        return None
    return FirstAdmin(user, password, key)


def _present() -> bool:
    return User.objects.filter(username=USERNAME).exists() or (
        User.objects.filter(is_superuser=True, is_active=True).exists()
    )
