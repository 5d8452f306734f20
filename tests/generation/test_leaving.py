"""Whoever is deactivated leaves nothing running, and shows nothing to others."""

import pytest
from django.test import Client

from accounts import members
from accounts.audit import Source
from accounts.models import User
from gallery import sharing
from generation import jobs, leaving
from generation.models import Job
from tests.gallery.conftest import Keep
from tests.generation.jobs.conftest import Submit, Take

pytestmark = pytest.mark.django_db(transaction=True)
Status = Job.Status


def test_queued_jobs_are_cancelled_and_running_ones_asked_to_stop(
    alice: User, staff: User, submit: Submit, take: Take
) -> None:
    running, queued = submit(), submit()
    take()
    members.deactivate(alice, Source(staff))
    running.refresh_from_db()
    queued.refresh_from_db()
    assert (running.status, running.cancel_requested) == (Status.RUNNING, True)
    assert queued.status == Status.CANCELLED


def test_the_jobs_of_others_go_on(alice: User, bob: User, staff: User, submit: Submit) -> None:
    his = submit(bob)
    members.deactivate(alice, Source(staff))
    his.refresh_from_db()
    assert his.status == Status.QUEUED


def test_what_was_let_in_a_moment_before_is_found_later(alice: User, submit: Submit) -> None:
    late = submit()
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert leaving.cancel_abandoned() == 1
    late.refresh_from_db()
    assert late.status == Status.CANCELLED
    assert jobs.claim("w1") is None
    assert leaving.cancel_abandoned() == 0


def test_shared_pictures_and_links_close_while_the_account_is_inactive(
    alice: User, bob: User, staff: User, keep: Keep, client: Client
) -> None:
    image = keep(alice)
    sharing.set_privacy(image, public=True)
    link = sharing.link(image)
    client.force_login(bob)
    page = f"/web/gallery/{image.pk}"

    def seen() -> tuple[int, int, int]:
        listed = client.get("/v1/gallery").json()["data"]
        return client.get(page).status_code, client.get(link).status_code, len(listed)

    assert seen() == (200, 200, 1)
    members.deactivate(alice, Source(staff))
    assert seen() == (404, 404, 0)
    client.force_login(staff)
    assert client.get(page).status_code == 200
    members.reactivate(alice, Source(staff))
    client.force_login(bob)
    assert seen() == (200, 200, 1)
