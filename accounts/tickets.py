"""Tickets: each opens one websocket, within seconds, for whoever cannot send a header with it."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from accounts.credentials import Credential
from accounts.models import Ticket, User

LIFE = timedelta(seconds=30)


class Issued(NamedTuple):
    """`ticket` is kept as a digest only: nothing can show it again."""

    ticket: str
    expires_at: datetime


def issue(user: User, credential: Credential) -> Issued:
    """A ticket for a socket that stays open as long as `credential` is good."""
    now = timezone.now()
    Ticket.objects.filter(expires_at__lt=now).delete()
    made = Issued(secrets.token_urlsafe(32), now + LIFE)
    Ticket.objects.create(
        digest=_digest(made.ticket),
        user=user,
        key_id=credential.key,
        session=credential.session,
        expires_at=made.expires_at,
    )
    return made


def redeem(ticket: str) -> Credential | None:
    """What `ticket` was made by; None where it is unknown, late or used. Using it ends it."""
    live = Ticket.objects.filter(digest=_digest(ticket), expires_at__gt=timezone.now())
    found = live.first()
    # Of two who bring the same ticket only one deletes it.
    if found is None or live.delete()[0] != 1:
        return None
    return Credential(key=found.key_id, session=found.session)


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode(errors="surrogatepass")).hexdigest()
