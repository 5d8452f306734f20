"""The upgrade of a server that has jobs and pictures already."""

import importlib
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from accounts import quotas
from accounts.models import Usage, User
from generation import jobs
from generation.models import Job
from tests.generation.jobs.conftest import Submit, Take

count_usage = importlib.import_module("generation.migrations.0003_count_usage")
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("batch", [1, 500])
def test_everybody_is_counted_once_at_an_upgrade(
    submit: Submit, take: Take, alice: User, bob: User, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner in (alice, alice, bob):
        submit(owner)
    take()
    # As an older release leaves them.
    Job.objects.update(reserved_on=None)
    Usage.objects.all().delete()
    monkeypatch.setattr(count_usage, "BATCH", batch)
    for _ in range(2):
        count_usage.count(apps, SimpleNamespace(connection=connection))
    assert jobs.recount(dry_run=True) == []
    waiting = [quotas.usage_of(user).queued_jobs for user in (alice, bob)]
    assert sum(waiting) == 2
