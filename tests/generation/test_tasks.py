"""What django-q2 calls, with the mock back end: every way a job can go."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.db.models import QuerySet
from django_q.brokers import get_broker
from pytest_django.fixtures import Settings

from accounts import audit
from accounts.models import User
from gallery import storage
from gallery.models import Image
from generation import jobs, tasks, unloading, worker_status
from generation.jobs import bell, saver, stopping, vital
from generation.jobs.fence import Claim
from generation.models import Job, JobPreview, Unload
from generation.requests import ImageRequest
from generation.resolve import resolve
from modelhub import deleting
from modelhub.models import CatalogModel
from tests import database

pytestmark = pytest.mark.django_db(transaction=True)
Status = Job.Status
ROOT = Path(__file__).resolve().parent.parent.parent
Ask = Callable[..., Job]


@pytest.fixture
def model(db: None) -> CatalogModel:
    return CatalogModel.objects.create(
        public_id="sd/demo", path="demo", layout="diffusers", family="sd1", native_resolution=64
    )


@pytest.fixture
def ask(model: CatalogModel, alice: User) -> Ask:
    def place(prompt: str = "a lake", *, previews: bool = False, **said: Any) -> Job:
        request = ImageRequest(prompt=prompt, **{"num_inference_steps": 10, **said})
        caller = jobs.Caller("native", previews=previews)
        return jobs.submit(alice, resolve(request, model), caller)

    return place


@pytest.fixture
def background() -> Iterator[Callable[..., Any]]:
    """Runs a call on a thread of its own."""
    with ThreadPoolExecutor(4) as threads:
        yield threads.submit
        threads.submit(connections.close_all).result()


@pytest.fixture
def no_stop() -> Iterator[None]:
    yield
    stopping.withdraw()


def reread(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def running(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk, status=Status.RUNNING, step__gt=0)


def run_in_thread() -> None:
    try:
        tasks.run_next()
    finally:
        connections.close_all()


def test_all_that_waits_is_run(ask: Ask) -> None:
    placed = [ask() for _ in range(3)]
    tasks.run_next()
    assert {reread(job).status for job in placed} == {Status.SUCCEEDED}


def test_a_job_becomes_pictures_with_files(ask: Ask) -> None:
    job = ask("a boat", n=2, seed=7)
    tasks.run_next()
    images = jobs.result_images(job)
    assert [image.seed for image in images] == [7, 8]
    assert all(storage.read(image).startswith(b"\x89PNG") for image in images)
    assert images[0].recipe["scheduler_label"] == "DPM++ SDE Karras"


def test_a_model_is_let_go_when_staff_ask(ask: Ask, model: CatalogModel) -> None:
    ask()
    tasks.run_next()
    assert tasks.desk().runner.warm() == ["sd/demo"]
    assert unloading.ask("sd/demo") == [tasks.WORKER]
    tasks.run_next()
    assert tasks.desk().runner.warm() == []
    assert not Unload.objects.exists()
    assert worker_status.alive().get().models_loaded == []


def test_a_model_deleted_while_it_draws_goes_after_its_job(
    ask: Ask, model: CatalogModel, background: Callable[..., Any]
) -> None:
    job, waiting = ask("[mock:slow=0.05] a lake"), ask()
    turn = background(run_in_thread)
    until(running(job).exists)
    assert not deleting.delete(model, audit.SYSTEM)
    turn.result(60)
    until(lambda: reread(job).ended and reread(waiting).ended)
    assert reread(job).status == Status.SUCCEEDED
    assert (reread(waiting).status, reread(waiting).error_code) == (
        Status.FAILED, "model_not_found",
    )  # fmt: skip
    tasks.run_next()
    assert not CatalogModel.objects.filter(pk=model.pk).exists()
    assert tasks.desk().runner.warm() == []


def test_every_stage_is_timed(ask: Ask) -> None:
    job = ask()
    tasks.run_next()
    stages = {"queue_ms", "load_ms", "encode_ms", "denoise_ms", "decode_ms", "save_ms"}
    timings = reread(job).timings
    assert timings.keys() == stages
    assert all(isinstance(value, int) and value >= 0 for value in timings.values())


def test_one_line_is_logged_for_a_job(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "generation.jobs")
    job = ask("a secret wish")
    tasks.run_next()
    [line] = [record for record in caplog.records if str(job.pk) in record.getMessage()]
    assert line.data["outcome"] == "succeeded"  # type: ignore[attr-defined]
    assert line.data.keys() > {"queue_ms", "denoise_ms", "peak_rss_mb"}  # type: ignore[attr-defined]
    assert "secret" not in caplog.text


def test_wake_ups_for_nothing_do_nothing(ask: Ask) -> None:
    job = ask()
    for _ in range(5):
        tasks.run_next()
    assert reread(job).attempts == 1
    assert Image.objects.count() == 1


def test_a_job_without_a_wake_up_runs_at_the_next(ask: Ask) -> None:
    expired = ask()
    claim = jobs.claim("dead worker")
    assert claim
    Job.objects.filter(pk=expired.pk).update(lease_expires_at=claim.job.created_at)
    tasks.run_next()
    assert (reread(expired).status, reread(expired).attempts) == (Status.SUCCEEDED, 2)


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("oom", "insufficient_memory"),
        ("nan", "numerical_error"),
        ("unload", "model_unloadable"),
    ],
)
def test_an_engine_error_fails_the_job_with_its_code(ask: Ask, tag: str, code: str) -> None:
    bad, good = ask(f"a lake [mock:{tag}]"), ask()
    tasks.run_next()
    assert (reread(bad).status, reread(bad).error_code) == (Status.FAILED, code)
    assert reread(bad).error_message
    assert reread(good).status == Status.SUCCEEDED


def test_a_defect_fails_the_job_and_is_not_hidden(ask: Ask) -> None:
    bad, good = ask("a lake [mock:bug]"), ask()
    with pytest.raises(RuntimeError):
        tasks.run_next()
    assert reread(bad).error_code == "internal_error"
    assert "defect" not in reread(bad).error_message
    # The bell rings for what is left.
    assert get_broker(bell.CLUSTER).queue_size() == 1
    tasks.run_next()
    assert reread(good).status == Status.SUCCEEDED


def test_a_running_job_is_cancelled_within_a_step_or_two(
    ask: Ask, background: Callable[..., Any]
) -> None:
    job = ask("a lake [mock:slow=0.2]", num_inference_steps=150)
    done = background(run_in_thread)
    until(running(job).exists)
    began = time.monotonic()
    jobs.cancel(job.pk)
    done.result()
    # All its steps would take half a minute.
    assert time.monotonic() - began < 15
    assert reread(job).status == Status.CANCELLED
    assert not Image.objects.exists()


def test_a_job_over_its_time_is_ended(ask: Ask, settings: Settings) -> None:
    settings.ALICE_JOB_TIMEOUT_SECONDS = 0.3
    job = ask("a lake [mock:slow=0.05]", num_inference_steps=150)
    tasks.run_next()
    assert (reread(job).status, reread(job).error_code) == (Status.FAILED, "job_timeout")


def test_a_job_whose_lease_is_lost_is_dropped(ask: Ask, background: Callable[..., Any]) -> None:
    job = ask("a lake [mock:slow=0.05]", num_inference_steps=150)
    done = background(run_in_thread)
    until(running(job).exists)
    # Somebody else has it now, and drew it.
    Job.objects.filter(pk=job.pk).update(attempts=2, lease_owner="heir")
    done.result()
    assert (reread(job).status, reread(job).lease_owner) == (Status.RUNNING, "heir")


def test_progress_and_previews_show_while_it_runs(ask: Ask, background: Callable[..., Any]) -> None:
    job = ask("a lake [mock:slow=0.05]", previews=True, num_inference_steps=30)
    began = time.monotonic()
    done = background(run_in_thread)
    seen: set[int] = set()
    while not done.done():
        seen.update(running(job).values_list("step", flat=True))
        time.sleep(0.02)
    took = time.monotonic() - began
    assert len(seen) >= 3
    assert bytes(JobPreview.objects.get(job=job).data[8:12]) == b"WEBP"
    # At most four times a second, and a few changes of status.
    assert reread(job).revision <= 4 * took + 5


def test_no_previews_are_drawn_unasked(ask: Ask) -> None:
    ask()
    tasks.run_next()
    assert not JobPreview.objects.exists()


@pytest.mark.usefixtures("no_stop")
def test_a_stop_begins_no_further_job(ask: Ask) -> None:
    job = ask()
    stopping.ask(30)
    tasks.run_next()
    assert reread(job).status == Status.QUEUED


@pytest.mark.usefixtures("no_stop")
def test_a_stop_lets_the_running_job_end(ask: Ask, background: Callable[..., Any]) -> None:
    first, second = ask("a lake [mock:slow=0.05]"), ask()
    done = background(run_in_thread)
    until(running(first).exists)
    stopping.ask(30)
    done.result()
    assert reread(first).status == Status.SUCCEEDED
    assert reread(second).status == Status.QUEUED


@pytest.mark.usefixtures("no_stop")
def test_a_stop_gives_back_what_does_not_end_in_time(
    ask: Ask, background: Callable[..., Any]
) -> None:
    job = ask("a lake [mock:slow=0.05]", num_inference_steps=150)
    done = background(run_in_thread)
    until(running(job).exists)
    stopping.ask(0.6)
    done.result()
    assert (reread(job).status, reread(job).attempts) == (Status.QUEUED, 0)


def test_broken_storage_fails_the_job(ask: Ask, settings: Settings) -> None:
    settings.ALICE_STORAGE_URL = "file:///proc/alice"
    job = ask()
    tasks.run_next()
    assert (reread(job).status, reread(job).error_code) == (Status.FAILED, "storage_unavailable")
    assert not Image.objects.exists()


def test_saving_overlaps_the_next_drawing(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    save, second_runs = saver.save, threading.Event()
    first, second = ask(), ask("a lake [mock:slow=0.02]")

    def slow_save(claim: Claim, result: Any) -> None:
        if claim.job == first:
            until(lambda: Job.objects.filter(pk=second.pk, status=Status.RUNNING).exists())
            second_runs.set()
        save(claim, result)

    monkeypatch.setattr(saver, "save", slow_save)
    tasks.run_next()
    assert second_runs.is_set()
    assert {reread(job).status for job in (first, second)} == {Status.SUCCEEDED}


def test_a_slow_save_keeps_its_lease(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.ALICE_LEASE_SECONDS = 1.0
    save = saver.save

    def slow_save(claim: Claim, result: Any) -> None:
        time.sleep(1.5)
        assert jobs.reap() == 0
        save(claim, result)

    monkeypatch.setattr(saver, "save", slow_save)
    job = ask()
    tasks.run_next()
    assert (reread(job).status, reread(job).attempts) == (Status.SUCCEEDED, 1)


def test_the_worker_says_what_it_is(ask: Ask) -> None:
    ask()
    tasks.run_next()
    status = worker_status.alive().get()
    assert (status.backend, status.device, status.models_loaded) == ("mock", "cpu", ["sd/demo"])


def test_idle_models_are_unloaded(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    ask()
    tasks.run_next()
    assert tasks.desk().runner.warm() == ["sd/demo"]
    monkeypatch.setattr(tasks.desk().runner, "_idle_seconds", 0.001)
    time.sleep(0.01)
    tasks.run_next()
    assert tasks.desk().runner.warm() == []


def worker_process(before: str = "pass", **environment: str) -> subprocess.Popen[str]:
    """Another process that answers one wake-up, on this test's database."""
    start = "import django; django.setup(); from generation import tasks; from generation.jobs import keeper;"
    return subprocess.Popen(
        [sys.executable, "-c", f"{start} {before}; tasks.run_next()"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database.url()} | environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def files() -> set[Path]:
    return set((settings.ALICE_DATA_DIR / "images").rglob("*.png"))


def test_a_lost_device_ends_the_process_and_is_tried_once_more(ask: Ask) -> None:
    job = ask("a lake [mock:lost]")
    for expected in (Status.QUEUED, Status.FAILED):
        process = worker_process()
        process.communicate()
        assert process.returncode == tasks.EXIT_DEVICE_LOST
        assert reread(job).status == expected
    assert reread(job).error_code == "device_lost"


def test_without_a_back_end_the_process_ends_and_says_why(ask: Ask) -> None:
    job = ask()
    process = worker_process(ALICE_BACKEND="openvino")
    _, errors = process.communicate()
    assert process.returncode == tasks.EXIT_NO_BACKEND
    assert "openvino" in errors
    assert reread(job).status == Status.QUEUED


def test_a_killed_worker_loses_no_job(ask: Ask, settings: Settings) -> None:
    settings.ALICE_LEASE_SECONDS = 1.0
    job = ask("a lake [mock:slow=0.05]", num_inference_steps=40)
    process = worker_process(ALICE_LEASE_SECONDS="1")
    until(running(job).exists)
    process.kill()
    process.communicate()
    until(lambda: jobs.reap() == 1)
    tasks.run_next()
    assert (reread(job).status, reread(job).attempts) == (Status.SUCCEEDED, 2)
    assert Image.objects.count() == 1


def test_a_worker_paused_past_its_lease_publishes_nothing(ask: Ask) -> None:
    before = files()
    job = ask("a lake [mock:slow=0.05]", num_inference_steps=40)
    zombie = worker_process(ALICE_LEASE_SECONDS="1")
    until(running(job).exists)
    zombie.send_signal(signal.SIGSTOP)
    until(lambda: jobs.reap() == 1)
    tasks.run_next()
    zombie.send_signal(signal.SIGCONT)
    zombie.communicate()
    assert reread(job).status == Status.SUCCEEDED
    [image] = jobs.result_images(job)
    assert [path.name for path in files() - before] == [Path(image.file).name]


def test_a_step_that_never_ends_ends_its_process(ask: Ask) -> None:
    job = ask("a lake [mock:slow=60]")
    limits = "keeper.STUCK_SECONDS = 0.2; keeper.settings.ALICE_JOB_TIMEOUT_SECONDS = 0.3"
    process = worker_process(limits)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == vital.EXIT_BROKEN
    assert "does not stop" in errors
    assert reread(job).status == Status.RUNNING


def warm_after(change: dict[str, Any]) -> list[str]:
    CatalogModel.objects.update(**change)
    tasks.run_next()
    return tasks.desk().runner.warm()


@pytest.mark.parametrize(
    "change", [{"state": "deleting"}, {"fingerprint": "other"}, {"path": "elsewhere"}]
)
def test_a_model_that_goes_or_changes_is_dropped_at_the_next_turn(
    ask: Ask, change: dict[str, Any]
) -> None:
    ask()
    tasks.run_next()
    assert warm_after({}) == ["sd/demo"]
    assert warm_after(change) == []


def test_a_converted_copy_drops_nothing(ask: Ask) -> None:
    ask()
    tasks.run_next()
    assert warm_after({"converted_path": ".converted/x"}) == ["sd/demo"]
