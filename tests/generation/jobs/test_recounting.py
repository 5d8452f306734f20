"""Usage rows that went astray are set right by the rows they count."""

import pytest
from django.core.management import call_command

from accounts import quotas
from accounts.models import Usage, User
from generation import jobs
from generation.jobs.recounting import Miscount
from generation.models import Job
from tests.gallery.conftest import Keep, images_dir, keep
from tests.generation.jobs.conftest import Order, Submit, Take

__all__ = ["images_dir", "keep"]
pytestmark = pytest.mark.django_db


def test_right_counts_stay(submit: Submit, take: Take, bob: User) -> None:
    submit()
    submit(bob)
    take()
    assert jobs.recount() == []


def test_wrong_counts_are_told_and_set_right(
    submit: Submit, order: Order, alice: User, keep: Keep
) -> None:
    submit(resolved=order(n=2))
    size = keep(alice).size_bytes
    Usage.objects.update(queued_jobs=7, running_jobs=2, images_today=0)
    found = {one.column: (one.was, one.real) for one in jobs.recount()}
    assert found == {
        "queued_jobs": (7, 1),
        "running_jobs": (2, 0),
        "images_today": (0, 2),
        "stored_images": (0, 1),
        "stored_bytes": (0, size),
    }
    assert jobs.recount() == []


def test_a_missing_row_is_made(submit: Submit, alice: User) -> None:
    submit()
    Usage.objects.all().delete()
    jobs.recount()
    assert quotas.usage_of(alice).queued_jobs == 1
    assert quotas.usage_of(alice).images_today == 1


def test_a_dry_run_changes_nothing(submit: Submit, alice: User) -> None:
    submit()
    Usage.objects.update(queued_jobs=7)
    assert jobs.recount(dry_run=True) == [Miscount(alice.pk, "queued_jobs", 7, 1)]
    assert Usage.objects.get().queued_jobs == 7


def test_one_user_can_be_counted_alone(submit: Submit, alice: User, bob: User) -> None:
    submit()
    submit(bob)
    Usage.objects.update(queued_jobs=7)
    assert [one.user_id for one in jobs.recount(bob)] == [bob.pk]


def test_forgetting_a_job_brings_nothing_of_the_day_back(submit: Submit, alice: User) -> None:
    submit()
    Job.objects.update(status=Job.Status.SUCCEEDED)
    Job.objects.all().delete()
    jobs.recount()
    used = quotas.usage_of(alice)
    assert (used.queued_jobs, used.images_today) == (0, 1)


def test_the_command_tells_what_it_found(
    submit: Submit, capsys: pytest.CaptureFixture[str]
) -> None:
    submit()
    Usage.objects.update(queued_jobs=7)
    call_command("recount_usage", "--dry-run")
    assert "alice: queued_jobs was 7, is 1" in capsys.readouterr().out
    call_command("recount_usage", "--user", "alice")
    assert "1 counts set right" in capsys.readouterr().out
    assert Usage.objects.get().queued_jobs == 1
