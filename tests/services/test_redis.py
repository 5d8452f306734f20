"""The same claims with events and wake-ups through a real Redis."""

import subprocess
import sys
from pathlib import Path

from tests.services.fixtures import environment

ROOT = Path(__file__).resolve().parent.parent.parent
WITH_REDIS = [
    "tests/generation/jobs/test_waiting.py",
    "tests/generation/test_worker.py::test_a_worker_draws_what_is_submitted",
    "tests/generation/test_worker.py::test_a_job_whose_wake_up_was_lost_is_drawn",
    "tests/generation/test_worker.py::test_many_wake_ups_draw_a_job_once",
    "tests/generation/test_worker.py::test_no_task_is_taken_while_one_runs",
    "tests/generation/test_tasks.py::test_a_running_job_is_cancelled_within_a_step_or_two",
]


def test_the_queue_keeps_its_promises_with_redis(redis_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *WITH_REDIS],
        cwd=ROOT,
        env=environment(REDIS_URL=redis_url),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
