"""A real provider for the whole way, and one that forges for what a real one never sends."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from pytest_django import Settings

from tests.accounts.openid.forger import Forger, forging


@pytest.fixture
def forger(settings: Settings, db: None) -> Iterator[Forger]:
    """The provider of this test; what it says is up to the test."""
    cache.clear()
    with forging() as made:
        settings.ALICE_OIDC_ISSUER = made.issuer
        settings.ALICE_OIDC_CLIENT_ID = "alice-server"
        settings.ALICE_OIDC_CLIENT_SECRET = "between two servers"
        settings.ALICE_OIDC_LABEL = "House"
        yield made
    cache.clear()
