import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from gallery.models import Image
from generation import worker_status
from generation.models import Job, JobImage
from tests.admin_pages import administrator, allowed, assert_fits_policy, queries_of
from tests.generation.jobs.conftest import Submit

JOBS = "/admin/generation/job/"


@pytest.fixture
def admin(db: None) -> Client:
    return administrator()


def job_of(owner: User, **changes: Any) -> Job:
    usual = {"dialect": "native", "kind": "txt2img", "model": "sd/demo", "cost": 1.0,
             "spec": {"prompt": "<b>a lake</b>"}}  # fmt: skip
    return Job.objects.create(owner=owner, **(usual | changes))


def with_picture(job: Job) -> Image:
    image = Image.objects.create(
        owner=job.owner, file=uuid.uuid4().hex, size_bytes=1, width=8, height=8, seed=1
    )
    JobImage.objects.create(job=job, image=image, index=0, seed=1)
    return image


def act(client: Client, action: str, *jobs: Job) -> str:
    form = {"action": action, "_selected_action": [str(job.pk) for job in jobs]}
    return str(client.post(JOBS, form | {"post": "yes"}, follow=True).content.decode())


def test_pages_fit_the_policy(admin: Client, alice: User) -> None:
    job = job_of(alice)
    with_picture(job)
    assert_fits_policy(admin, JOBS)
    assert_fits_policy(admin, f"{JOBS}{job.pk}/change/")


def test_list_costs_the_same_for_many(admin: Client) -> None:
    costs = []
    for size in range(2):
        for index in range(5):
            job_of(User.objects.create(username=f"user{size}{index}"))
        costs.append(queries_of(admin, JOBS))
    assert costs[0] == costs[1]


def test_page_of_a_job_costs_the_same_for_many_pictures(admin: Client, alice: User) -> None:
    job, costs = job_of(alice), []
    for batch in (range(2), range(2, 8)):
        for index in batch:
            image = with_picture(job_of(alice))
            JobImage.objects.create(job=job, image=image, index=index, seed=1)
        costs.append(queries_of(admin, f"{JOBS}{job.pk}/change/"))
    assert costs[0] == costs[1]


def test_job_is_shown_escaped_with_its_pictures(admin: Client, alice: User) -> None:
    job = job_of(alice)
    image = with_picture(job)
    page = admin.get(f"{JOBS}{job.pk}/change/").content.decode()
    assert "&lt;b&gt;a lake" in page
    assert f"/admin/gallery/image/{image.pk}/thumbnail" in page


def test_job_outlives_its_deleted_picture(admin: Client, alice: User) -> None:
    job = job_of(alice)
    with_picture(job).delete()
    assert "deleted" in admin.get(f"{JOBS}{job.pk}/change/").content.decode()


def test_cancel_ends_a_queued_job(admin: Client, alice: User) -> None:
    job, other = job_of(alice), job_of(alice)
    assert "1 told to stop" in act(admin, "cancel", job)
    statuses = {row.pk: row.status for row in Job.objects.all()}
    assert statuses == {job.pk: Job.Status.CANCELLED, other.pk: Job.Status.QUEUED}


def test_cancel_leaves_an_ended_job_as_it_is(admin: Client, alice: User) -> None:
    job = job_of(alice, status=Job.Status.SUCCEEDED)
    assert "0 told to stop" in act(admin, "cancel", job)
    job.refresh_from_db()
    assert (job.status, job.cancel_requested) == (Job.Status.SUCCEEDED, False)


def test_staff_cancel_by_their_role(alice: User) -> None:
    job = job_of(alice)
    client, _ = allowed()
    act(client, "cancel", job)
    job.refresh_from_db()
    assert job.status == Job.Status.CANCELLED


def test_open_job_is_not_deleted(admin: Client, alice: User) -> None:
    job, ended = job_of(alice), job_of(alice, status=Job.Status.FAILED)
    assert admin.post(f"{JOBS}{job.pk}/delete/", {"post": "yes"}).status_code == 403
    act(admin, "delete_selected", job)
    act(admin, "delete_selected", ended)
    assert list(Job.objects.all()) == [job]


def test_job_cannot_be_edited(admin: Client, alice: User) -> None:
    job = job_of(alice)
    reply = admin.post(f"{JOBS}{job.pk}/change/", {"status": "succeeded"})
    assert reply.status_code == 403
    assert admin.get(f"{JOBS}add/").status_code == 403


def test_search_finds_by_id_and_owner(admin: Client, alice: User) -> None:
    job = job_of(alice)
    for query in (str(job.pk)[:13], str(job.pk), "alice", "sd/demo"):
        assert str(job.pk) in admin.get(f"{JOBS}?q={query}").content.decode()
    assert str(job.pk) not in admin.get(f"{JOBS}?q=nothing-of-that").content.decode()


def test_retry_runs_failed_jobs_again_and_says_what_it_could_not(
    admin: Client, alice: User, submit: Submit
) -> None:
    failed, done = submit(), job_of(alice, status=Job.Status.SUCCEEDED)
    Job.objects.filter(pk=failed.pk).update(status=Job.Status.FAILED)
    page = act(admin, "retry", failed, done)
    assert "1 run again" in page
    assert "only failed and cancelled ones are retried" in page
    again = Job.objects.get(status=Job.Status.QUEUED)
    assert (again.owner, again.spec) == (failed.owner, failed.spec)


def test_what_staff_does_to_jobs_is_remembered(admin: Client, alice: User) -> None:
    job = job_of(alice)
    act(admin, "cancel", job)
    entry = AuditEntry.objects.get(action="job_changed")
    assert (entry.actor_name, entry.target_id) == ("root", str(job.pk))


def test_jobs_that_staff_delete_are_remembered(admin: Client, alice: User) -> None:
    one, many = (job_of(alice, status=Job.Status.FAILED) for _ in range(2))
    admin.post(f"{JOBS}{one.pk}/delete/", {"post": "yes"})
    act(admin, "delete_selected", many)
    entries = AuditEntry.objects.filter(action="job_changed").order_by("pk")
    assert [entry.target_id for entry in entries] == [str(one.pk), str(many.pk)]
    assert {entry.detail["asked"] for entry in entries} == {"delete"}
    assert not Job.objects.exists()


def test_what_staff_do_to_their_own_jobs_is_not_told(admin: Client) -> None:
    job = job_of(User.objects.get(username="root"))
    act(admin, "cancel", job)
    assert not AuditEntry.objects.filter(action="job_changed").exists()


def test_workers_are_listed_and_not_edited(admin: Client) -> None:
    worker_status.record("w1", worker_status.Facts("cuda:0", "diffusers", memory_total_bytes=8))
    assert_fits_policy(admin, "/admin/generation/workerstatus/")
    assert "cuda:0" in admin.get("/admin/generation/workerstatus/").content.decode()
    assert admin.get("/admin/generation/workerstatus/add/").status_code == 403
