"""What the dashboard tells, and to whom."""

import json
from typing import Any

from accounts.models import User
from generation import jobs, worker_status
from generation.models import Job
from generation.overview import JOBS_SHOWN, board
from generation.worker_status import Facts
from modelhub.models import CatalogModel
from tests.gallery.conftest import Keep
from tests.generation.jobs.conftest import Order, Submit, Take


def test_my_jobs_are_listed_in_the_order_they_run(
    alice: User, submit: Submit, order: Order, take: Take
) -> None:
    submit(resolved=order("first"))
    submit(resolved=order("second"))
    submit(resolved=order("third"))
    take()
    shown = [(job["prompt"], job["status"], job["position"]) for job in board(alice)["jobs"]]
    assert shown == [("first", "running", 0), ("second", "queued", 0), ("third", "queued", 1)]


def test_the_board_and_the_queue_agree_on_every_position(
    alice: User, bob: User, staff: User, submit: Submit
) -> None:
    for priority in (0, 5, -1, 5):
        submit(alice, priority=priority), submit(bob, priority=-priority)
    for viewer, seen in ((alice, 4), (staff, 8)):
        told = {job["id"]: job["position"] for job in board(viewer)["jobs"]}
        assert len(told) == seen
        for job in Job.objects.filter(pk__in=told):
            assert told[str(job.pk)] == jobs.position(job)


def test_a_long_queue_asks_the_database_no_more_than_a_short_one(
    alice: User, submit: Submit, django_assert_max_num_queries: Any
) -> None:
    for _ in range(JOBS_SHOWN + 3):
        submit()
    with django_assert_max_num_queries(7):
        assert len(board(alice)["jobs"]) == JOBS_SHOWN


def test_others_see_how_many_wait_and_nothing_more(bob: User, submit: Submit) -> None:
    submit()
    seen = board(bob)
    assert seen["queue"] == {"queued": 1, "running": 0}
    assert seen["jobs"] == []


def test_staff_see_whose_job_it_is(staff: User, submit: Submit) -> None:
    submit()
    assert [job["owner"] for job in board(staff)["jobs"]] == ["alice"]


def test_workers_tell_their_device_and_memory(alice: User) -> None:
    facts = Facts("cuda:0", "diffusers", "bf16", ["sd/demo"], 2**30, 2**34)
    worker_status.record("w1", facts)
    (worker,) = board(alice)["workers"]
    assert (worker["device"], worker["memory_used"], worker["memory_total"]) == (
        "cuda:0", 2**30, 2**34,
    )  # fmt: skip
    assert worker["busy"] is False


def test_a_model_for_staff_is_not_named_to_others_though_it_is_warm(
    alice: User, staff: User, model: CatalogModel
) -> None:
    hidden = CatalogModel.objects.create(
        public_id="sd/secret", path="secret", native_resolution=64, visibility="staff"
    )
    warm = [model.public_id, hidden.public_id]
    worker_status.record("w1", Facts("cpu", "mock", "none", warm, 0, 0))
    assert board(alice)["workers"][0]["models"] == [model.public_id]
    assert board(staff)["workers"][0]["models"] == warm


def test_recent_pictures_are_ones_own(alice: User, bob: User, keep: Keep) -> None:
    keep(bob)
    mine = keep(alice)
    assert [image["id"] for image in board(alice)["images"]] == [str(mine.pk)]


def test_the_board_is_json_whatever_people_wrote(alice: User, submit: Submit, order: Order) -> None:
    submit(resolved=order("</script><b>\u2028"))
    assert json.loads(json.dumps(board(alice))) == board(alice)
