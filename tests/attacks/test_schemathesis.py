"""Requests made up from our own description: whatever comes, no defect and the one error shape."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from aliceproject.openapi import views
from tests.attacks.stage import Stage, open_stage
from tests.live import service

SEED = 20261121
SHORT, LONG = 8, 1500
CASE_SECONDS = 60
SCHEMA = schemathesis.openapi.from_dict(json.loads(views.description()))
OPERATIONS: dict[str, Any] = {
    found.ok().label: found.ok()  # type: ignore[union-attr]  # a broken description shall raise
    for found in SCHEMA.get_all_operations()
}
# Parameters of paths that stand for something the server has.
REAL = {
    "image_id": "private",
    "job_id": "job",
    "album_id": "album",
    "key_id": "key",
    "invite_id": "invite",
    "registration_id": "registration",
    "user_id": "user",
    "name": "model",
    "token": "link",
    "found_id": "found",
}
# Somebody with every right, whose number no generated one will be.
TESTER = """
from accounts import keys
from accounts.models import SCOPES, User
tester = User.objects.create(pk=987654321, username="tester", is_staff=True)
print(keys.mint(tester, "tester", SCOPES)[1])
"""


@pytest.fixture(scope="module")
def tested() -> Iterator[tuple[Stage, str]]:
    """A server with a worker, and the key of the tester."""
    with service(worker=True, ALICE_QUEUE_LIMIT="20") as live:
        stage = open_stage(live)
        yield stage, live.manage("shell", "-v0", "-c", TESTER).splitlines()[-1]


def ask(case: Any, real: bool, stage: Stage, key: str) -> None:
    names = {n: stage.names[REAL[n]] for n in case.path_parameters if real and n in REAL}
    case.path_parameters = {**case.path_parameters, **names}
    headers = {"Authorization": f"Bearer {key}"}
    reply = case.call(base_url=stage.live.url, headers=headers, timeout=CASE_SECONDS)
    stage.counts["requests"] += 1
    stage.counts[f"{reply.status_code // 100}xx"] += 1
    told = f"{reply.status_code} {reply.content[:500]!r}"
    if reply.status_code >= 500:
        # Being full is no defect where it says when to come back.
        assert reply.status_code == 503, told
        assert 1 <= int(reply.headers["retry-after"][0]) <= 60
        code = json.loads(reply.content)["error"]["code"]
        stage.counts[f"{case.operation.label}: {code}"] += 1
    if reply.status_code >= 400:
        assert set(json.loads(reply.content)["error"]) >= {"message", "type", "param", "code"}, told


def hammer(label: str, examples: int, tested: tuple[Stage, str]) -> None:
    @seed(SEED)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[label].as_strategy(), real=st.booleans())
    def each(case: Any, real: bool) -> None:
        ask(case, real, *tested)

    each()


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_made_up_request_is_a_defect(label: str, tested: tuple[Stage, str]) -> None:
    hammer(label, SHORT, tested)


@pytest.mark.long
@pytest.mark.parametrize("label", OPERATIONS)
def test_no_made_up_request_is_a_defect_at_length(label: str, tested: tuple[Stage, str]) -> None:
    hammer(label, LONG, tested)


def test_the_server_noted_no_defect(tested: tuple[Stage, str], figures: list[str]) -> None:
    stage, _ = tested
    later = [f"{name} {count}" for name, count in stage.counts.items() if ": " in name]
    figures.append(
        f"schemathesis: {len(OPERATIONS)} operations, {stage.counts['requests']} requests: "
        + ", ".join(f"{name} {stage.counts[name]}" for name in ("2xx", "4xx", "5xx"))
        + "".join(f"\n  told to come later: {name}" for name in later)
    )
    assert "Traceback" not in stage.live.log, stage.live.log
