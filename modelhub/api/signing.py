"""Who asks for a change of models, and whether it is really him."""

from rest_framework.request import Request

from accounts import audit, signing_in
from accounts.authentication import caller


def source(request: Request) -> audit.Source:
    """Who asks, for the audit log."""
    identity = caller(request)
    return audit.source(request._request, identity.user, identity.key)  # noqa: SLF001 DRF has no other door to Django's request


def require_recent(request: Request) -> None:
    """A stolen session must not delete models; keys need no such proof. Raises Forbidden."""
    if caller(request).session:
        signing_in.require_recent(request._request)  # noqa: SLF001 as above
