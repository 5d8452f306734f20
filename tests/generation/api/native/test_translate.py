"""Body -> ImageRequest -> JobSpec -> reply, one case a file; nothing here touches a database."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from accounts.problems import Invalid
from generation.api.native import translate
from generation.api.native.translate import Prospect
from generation.errors import Adjusted
from generation.models import Job

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
ENDED = Prospect(None, None)


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_golden(file: Path, order: Any, finish: Any) -> None:
    case = json.loads(file.read_text())
    ask = translate.to_ask(case["body"])
    resolved = order(ask.asked, ask.said)
    assert ask.asked.said() == case["requested"]
    assert resolved.spec.to_json() == case["spec"]
    assert list(ask.said.ignored) == case["ignored"]
    assert translate.to_job(finish(resolved), ENDED, [], None) == case["reply"]


def test_how_the_job_runs_is_read_beside_what_it_draws() -> None:
    ask = translate.to_ask({"prompt": "x", "priority": -3, "client_job_id": "c", "previews": False})
    assert (ask.priority, ask.client_job_id, ask.previews) == (-3, "c", False)


def test_a_strict_request_refuses_what_it_would_adjust(order: Any) -> None:
    ask = translate.to_ask({"prompt": "x", "size": "100x64", "strict": True})
    with pytest.raises(Adjusted, match="multiples of 8") as caught:
        order(ask.asked, ask.said)
    assert (caught.value.param, caught.value.code) == ("size", "unsupported_value")


@pytest.mark.parametrize(
    ("status", "stored", "code"),
    [
        ("failed", "worker_lost", "worker_lost"),
        ("failed", "", "internal_error"),
        ("cancelled", "", "job_cancelled"),
    ],
)
def test_a_job_that_ended_badly_says_why(
    order: Any, finish: Any, status: str, stored: str, code: str
) -> None:
    ask = translate.to_ask({"prompt": "x"})
    more = {"status": status, "error_code": stored, "error_message": "Why."}
    job = finish(order(ask.asked, ask.said), **more)
    error = translate.to_job(job, ENDED, [], None)["error"]
    assert error == {"code": code, "message": "Why."}


def test_a_receipt_says_where_to_look(order: Any, finish: Any) -> None:
    ask = translate.to_ask({"prompt": "x"})
    job = finish(order(ask.asked, ask.said), status=Job.Status.QUEUED)
    receipt = translate.to_receipt(job, Prospect(3, 12.5), "http://h")
    assert (receipt["status"], receipt["queue_position"], receipt["eta_seconds"]) == (
        "queued", 3, 12.5,
    )  # fmt: skip
    assert receipt["links"]["events"] == f"http://h/v1/jobs/{job.id}/events"


def test_a_cursor_leads_back_to_its_place(order: Any, finish: Any) -> None:
    ask = translate.to_ask({"prompt": "x"})
    job = finish(order(ask.asked, ask.said))
    assert translate.from_cursor(translate.to_cursor(job)) == (job.created_at, job.id)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "AAAA",
        "MjAyNi0wMS0wMg==",
        "=" * 9,
        "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMH4wMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA",
    ],
)
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as caught:
        translate.from_cursor(cursor)
    assert caught.value.param == "cursor"


def test_moments_are_utc() -> None:
    assert translate.moment(datetime(2026, 1, 2, 3, tzinfo=UTC)) == "2026-01-02T03:00:00Z"
    assert translate.moment(None) is None
