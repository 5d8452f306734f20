"""The cast and the stage: every test runs in a data directory of its own process."""

import os
import tempfile
from pathlib import Path

# Before Django reads its settings: tests never see the developer's data, keys or .env values.
STAGE = Path(tempfile.mkdtemp(prefix="alice-tests-"))
for name in [n for n in os.environ if n.startswith("ALICE_")]:
    del os.environ[name]
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "aliceproject.settings",
    "ALICE_DATA_DIR": str(STAGE),
    "ALICE_BACKEND": "mock",
    # The name Django's test client calls the server by.
    "ALICE_ALLOWED_HOSTS": "testserver",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
}

import django  # noqa: E402
import pytest  # noqa: E402

# Test modules import models while they are collected.
django.setup()

from accounts.models import User  # noqa: E402


@pytest.fixture
def alice(db: None) -> User:
    """The owner."""
    return User.objects.create_user("alice", password="correct horse 1")


@pytest.fixture
def bob(db: None) -> User:
    """Another user, whom nothing of alice's concerns."""
    return User.objects.create_user("bob", password="correct horse 2")


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_user("carol", password="correct horse 3", is_staff=True)
