"""The cast and the stage: every test runs in a data directory of its own process."""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

# Before Django reads its settings: tests never see the developer's data, keys or .env values.
STAGE = Path(tempfile.mkdtemp(prefix="alice-tests-"))
for name in [n for n in os.environ if n.startswith("ALICE_") and not n.startswith("ALICE_TESTS_")]:
    del os.environ[name]
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "aliceproject.settings",
    "ALICE_DATA_DIR": str(STAGE),
    "ALICE_BACKEND": "mock",
    # The name Django's test client calls the server by.
    "ALICE_ALLOWED_HOSTS": "testserver",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    # Nobody is there: tests that want a catalogue start their own.
    "ALICE_CIVITAI_URL": "http://127.0.0.1:1",
    "ALICE_HUGGINGFACE_URL": "http://127.0.0.1:1",
}

# All that is imported and collected stays: looking for garbage in it meanwhile finds none.
gc.disable()

import django  # noqa: E402
import pytest  # noqa: E402

# Test modules import models while they are collected.
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import TransactionTestCase  # noqa: E402

from accounts import append_only  # noqa: E402
from accounts.models import User  # noqa: E402
from tests import database, network_guard  # noqa: E402
from tests.live import Live, service  # noqa: E402

pytest_plugins = ["tests.figures", "tests.services.fixtures"]
network_guard.install()


# These take minutes: begun last, one of them would keep the run waiting while its other half rests.
LONG = ("tests/services/test_postgresql.py", "tests/chaos/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Each process of a run chooses its own stage: with this set, settings are read before that."""
    del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_unconfigure() -> None:
    shutil.rmtree(STAGE, ignore_errors=True)


@pytest.fixture(autouse=True)
def only_this_machine() -> Iterator[None]:
    """Fails a test that tried to reach another machine, also where it hid the error."""
    yield
    tried, network_guard.attempts[:] = network_guard.attempts[:], []
    assert tried == []


def hashed(password: str) -> str:
    """By the hasher of the present test: what a quick one made opens nothing elsewhere."""
    return _hashed(password, settings.PASSWORD_HASHERS[0])


@cache
def _hashed(password: str, hasher: str) -> str:
    """Hashing is slow on purpose: once a run is enough."""
    return make_password(password)


def person(name: str, password: str, *, is_staff: bool = False) -> User:
    return User.objects.create(username=name, password=hashed(password), is_staff=is_staff)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Tests with transactions of their own empty every table afterwards, the audit log's too."""
    TransactionTestCase._fixture_teardown = database.empty  # type: ignore[attr-defined]
    with django_db_blocker.unblock():
        append_only.remove(connection)


@pytest.fixture
def alice(db: None) -> User:
    """The owner."""
    return person("alice", "correct horse 1")


@pytest.fixture
def bob(db: None) -> User:
    """Another user, whom nothing of alice's concerns."""
    return person("bob", "correct horse 2")


@pytest.fixture
def staff(db: None) -> User:
    return person("carol", "correct horse 3", is_staff=True)


@pytest.fixture(scope="session")
def live_web() -> Iterator[Live]:
    """A real web process, migrated, with no worker: for everything about HTTP itself."""
    with service(worker=False) as live:
        yield live


@pytest.fixture(scope="session")
def live_service() -> Iterator[Live]:
    """A real web process and a real worker with the mock back end."""
    with service(worker=True) as live:
        yield live
