"""Who may hold a websocket open, and how many of them at once over every process."""

import logging
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error, transaction
from django.db.models import Sum
from django.db.models.functions import Now
from django.utils.datastructures import CaseInsensitiveMapping

from accounts import rates, tickets
from accounts.authentication import opened, secret_in
from accounts.credentials import Credential
from accounts.models import OpenSockets, User
from accounts.problems import Unauthenticated

logger = logging.getLogger(__name__)

MAX_SOCKETS = 50
# A process says so often that it lives, in seconds, and is taken for dead after `VOID`.
RENEW_SECONDS = 10.0
VOID = timedelta(seconds=30)
PROCESS = uuid.uuid4()

# Open sockets by user in this process.
_open: Counter[int] = Counter()
_renewed_at = 0.0


def credential(scope: Mapping[str, Any]) -> Credential | None:
    """What a websocket's handshake brings: a key, a ticket or a session; None for nothing.

    Asks the database. Raises Unauthenticated for a wrong key or ticket, and RateLimited as other
    requests do.
    """
    if not settings.ALICE_REQUIRE_AUTH:
        return Credential()
    headers = CaseInsensitiveMapping(
        (name.decode("latin1"), value.decode("latin1")) for name, value in scope["headers"]
    )
    address = str((scope.get("client") or [""])[0])
    if secret := secret_in(headers):
        key = opened(secret, address)
        rates.used(key)
        return Credential(key=key.pk)
    if ticket := _ticket(scope):
        return _redeemed(ticket, address)
    name = scope["session"].session_key if "session" in scope else None
    return Credential(session=name) if name else None


def _ticket(scope: Mapping[str, Any]) -> str:
    query = parse_qs(scope.get("query_string", b"").decode("latin1"))
    return next(iter(query.get("ticket", [])), "")


def _redeemed(ticket: str, address: str) -> Credential:
    found = tickets.redeem(ticket)
    if found is None:
        rates.mistaken(address)
        raise Unauthenticated("The ticket is unknown, used or too old.")
    return found


@asynccontextmanager
async def counted(user: User) -> AsyncIterator[bool]:
    """Counts a socket of `user` while it is open; False where there is no room for one more."""
    _open[user.pk] += 1
    room = False
    try:
        room = _open[user.pk] <= MAX_SOCKETS and await sync_to_async(_entered)(user.pk)
        yield room
    finally:
        _open[user.pk] -= 1
        if not _open[user.pk]:
            del _open[user.pk]
        if room:
            await sync_to_async(_left)(user.pk)


async def renew() -> None:
    """Say now and then that this process lives; for whoever holds a socket open to call often."""
    global _renewed_at  # noqa: PLW0603 the process has one clock for all of its sockets
    if time.monotonic() - _renewed_at < RENEW_SECONDS:
        return
    _renewed_at = time.monotonic()
    await sync_to_async(_renew)(dict(_open))


def _entered(user: int) -> bool:
    """Tell the other processes of one more; False where all together would hold too many."""
    try:
        with transaction.atomic():
            # Whoever opens one for this user elsewhere waits here until we have told ours.
            User.objects.select_for_update().get(pk=user)
            elsewhere = OpenSockets.objects.filter(user=user, seen_at__gt=Now() - VOID).exclude(
                process=PROCESS
            )
            others = elsewhere.aggregate(sum=Sum("count"))["sum"] or 0
            if others + _open[user] > MAX_SOCKETS:
                return False
            _tell(user)
    except Error:
        # Nothing can be written: what this process knows by itself has to do.
        logger.warning("Could not count the sockets of user %s", user, exc_info=True)
    return True


def _left(user: int) -> None:
    try:
        with transaction.atomic():
            User.objects.select_for_update().filter(pk=user).first()
            _tell(user)
    except Error:
        logger.warning("Could not count the sockets of user %s", user, exc_info=True)


def _tell(user: int) -> None:
    """Write down what this process holds; never a difference, so that no mistake lasts."""
    mine = OpenSockets.objects.filter(process=PROCESS, user=user)
    count = _open.get(user, 0)
    if not count:
        mine.delete()
    elif not mine.update(count=count, seen_at=Now()):
        OpenSockets.objects.create(process=PROCESS, user_id=user, count=count, seen_at=Now())


def _renew(held: Mapping[int, int]) -> None:
    try:
        OpenSockets.objects.filter(seen_at__lte=Now() - VOID).exclude(process=PROCESS).delete()
        if OpenSockets.objects.filter(process=PROCESS).update(seen_at=Now()) != len(held):
            # Another took us for dead while we were held up.
            for user in held:
                _left(user)
    except Error:
        logger.warning("Could not say that our sockets are open", exc_info=True)
