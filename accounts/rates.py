"""How often a key may ask, and how often an address may bring a wrong one."""

from dataclasses import dataclass

from django.conf import settings

from accounts import keys, throttle
from accounts.models import ApiKey
from accounts.problems import RateLimited


@dataclass(frozen=True, slots=True)
class Rate:
    """What a key may ask in the present minute: `left` of `limit`, anew in `reset` seconds."""

    limit: int
    left: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.left),
            "x-ratelimit-reset": str(self.reset),
        }


def used(key: ApiKey) -> Rate | None:
    """Count one request of `key`; None: it has no limit. Raises RateLimited past the limit."""
    limit = keys.rate_of(key)
    if not limit:
        return None
    try:
        return Rate(limit, throttle.hit(f"key:{key.pk}", limit), throttle.seconds_left())
    except RateLimited as full:
        full.headers |= Rate(limit, 0, throttle.seconds_left()).headers
        raise


def mistaken(address: str) -> None:
    """Count a wrong credential from `address`; raises RateLimited once there were too many.

    Only wrong ones are refused for it: behind one address there may be many, and who brings the
    right key must not be locked out by a neighbour.
    """
    try:
        throttle.hit(f"wrong:{throttle.neighbourhood(address)}", settings.ALICE_BAD_KEY_LIMIT)
    except RateLimited as full:
        full.message = "Too many wrong credentials came from your address; try again soon."
        raise
