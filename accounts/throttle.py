"""How often something may be asked in a minute, counted in the database for every process."""

import hashlib
import ipaddress
import logging
import secrets
from contextlib import nullcontext
from time import time as clock

from django.db import InternalError, OperationalError, connection, transaction
from django.db.models import Q

from accounts.models import RateWindow
from accounts.problems import RateLimited

logger = logging.getLogger(__name__)

MINUTE = 60
LONGEST_NAME = 200
# One hit in so many also takes away the windows that are over.
SWEEP_EVERY = 1000
# A window nobody renewed is over. One minute ahead is another host's clock; more is a clock that
# was wrong, whose window must not stay closed until the others catch up with it.
COUNT = """
INSERT INTO accounts_ratewindow AS held (name, minute, count) VALUES (%(name)s, %(now)s, %(cost)s)
ON CONFLICT (name) DO UPDATE SET
    count = CASE WHEN held.minute BETWEEN %(now)s AND %(now)s + 1
                 THEN held.count + %(cost)s ELSE %(cost)s END,
    minute = CASE WHEN held.minute BETWEEN %(now)s AND %(now)s + 1
                  THEN held.minute ELSE %(now)s END
WHERE held.minute NOT BETWEEN %(now)s AND %(now)s + 1 OR held.count + %(cost)s <= %(limit)s
RETURNING count
"""


def hit(name: str, limit: int, cost: int = 1) -> int:
    """Count `cost` tries of `name` against `limit` a minute; returns how many are left.

    Raises RateLimited, and counts nothing, where they would be more than `limit`. Exact whatever
    the number of processes. Inside a transaction the count stands or falls with it, so ask before
    opening one wherever a refused request must count too. While the database cannot be written
    everybody is let through: nothing can be changed then, and reading must go on.
    """
    values: dict[str, str | int] = {
        "name": _short(name),
        "now": _minute(),
        "cost": cost,
        "limit": limit,
    }
    try:
        found = _count(values) if cost <= limit else None
    except (OperationalError, InternalError):
        logger.warning("Could not count %s", values["name"], exc_info=True)
        return limit
    if found is None:
        left = seconds_left()
        raise RateLimited(
            f"At most {limit} times a minute; try again in {left} s.", retry_after=left
        )
    return limit - found


def count(name: str) -> int:
    """How often `name` was hit in the present minute."""
    now = _minute()
    held = RateWindow.objects.filter(name=_short(name), minute__range=(now, now + 1))
    return held.values_list("count", flat=True).first() or 0


def seconds_left() -> int:
    """Until the present minute ends: 1 to 60."""
    return MINUTE - int(clock()) % MINUTE


def sweep() -> int:
    """Takes away windows that are over; returns how many they were."""
    now = _minute()
    over = RateWindow.objects.filter(Q(minute__lt=now - 1) | Q(minute__gt=now + 1))
    return over.delete()[0]


def neighbourhood(address: str) -> str:
    """What one caller can be told by: an IPv4 address itself, the /64 network of an IPv6 one.

    Whoever has one IPv6 address has 2^64 of them.
    """
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((int(known), 64), strict=False))


def _count(values: dict[str, str | int]) -> int | None:
    # A savepoint: a failure must not spoil the transaction it happens in.
    nested = connection.in_atomic_block
    with transaction.atomic() if nested else nullcontext(), connection.cursor() as cursor:
        cursor.execute(COUNT, values)
        found = cursor.fetchone()
    # Never inside a transaction: the rows it locks could meet another's in the opposite order.
    if not nested and secrets.randbelow(SWEEP_EVERY) == 0:
        sweep()
    return int(found[0]) if found else None


def _minute() -> int:
    return int(clock()) // MINUTE


def _short(name: str) -> str:
    """`name` as a key: whatever a stranger put into it, the database takes it."""
    if len(name) <= LONGEST_NAME and name.isprintable():
        return name
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
