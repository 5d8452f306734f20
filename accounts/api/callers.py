"""Who calls an endpoint: as the audit log notes it, and whether it is still that person."""

from rest_framework.request import Request

from accounts import audit, signing_in
from accounts.authentication import caller


def source(request: Request) -> audit.Source:
    """Whoever a checked request comes from. Raises Unauthenticated."""
    identity = caller(request)
    return audit.source(request._request, identity.user, identity.key)  # noqa: SLF001 DRF has no other door to Django's request


def require_proof(request: Request) -> None:
    """For deeds a stolen session must not do; a key proves itself. Raises Forbidden
    `confirmation_required`.
    """
    if caller(request).session:
        signing_in.require_recent(request._request)  # noqa: SLF001 DRF has no other door to Django's request
