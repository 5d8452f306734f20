"""Signing in by OpenID Connect: the operator's provider vouches for people, accounts stay ours.

Off unless ALICE_OIDC_ISSUER is set. A person is known by issuer and subject, never by a name or an
address that the provider tells.
"""

from urllib.parse import urlsplit

from django.conf import settings

CALLBACK = "accounts_pages:openid_callback"


def enabled() -> bool:
    return bool(settings.ALICE_OIDC_ISSUER)


def label() -> str:
    """What people call the provider; '' while there is none."""
    return settings.ALICE_OIDC_LABEL or urlsplit(settings.ALICE_OIDC_ISSUER).hostname or ""
