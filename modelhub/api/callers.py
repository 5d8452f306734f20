"""Who may manage models: staff by session, or a key of scope `models`."""

from django.http import HttpRequest
from rest_framework.request import Request

from accounts import audit
from accounts.authentication import Identity, caller, identify, require

SCOPE = "models"


def manager(request: HttpRequest) -> Identity:
    """The caller, allowed to manage models. Asks the database: call it off the event loop."""
    identity = identify(request, staff=True)
    require(identity, SCOPE)
    return identity


def source(request: Request) -> audit.Source:
    """Who manages, for the audit log."""
    identity = caller(request)
    return audit.source(request._request, identity.user, identity.key)  # noqa: SLF001 DRF has no other door
