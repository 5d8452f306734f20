"""No accepted job is lost and none has two results, whatever dies, at any moment."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.chaos.campaign import LEASE_SECONDS, Campaign
from tests.chaos.clients import Promise, promises
from tests.chaos.ledger import Kept
from tests.live import Live, free_port, lay_database
from tests.model_folders import build

# A failure is repeated by its seed, which the summary prints.
SEED = int(os.environ.get("ALICE_TESTS_CHAOS_SEED", "20261121"))


@pytest.fixture
def campaign(tmp_path: Path) -> Iterator[Campaign]:
    build(tmp_path / "models" / "tiny")
    port = free_port()
    settings = {
        "ALICE_DATA_DIR": str(tmp_path),
        "ALICE_PORT": str(port),
        "ALICE_BACKEND": "mock",
        "ALICE_MOCK_STEP_SECONDS": "0.05",
        "ALICE_DEFAULT_MODEL": "sd/tiny",
        "ALICE_LEASE_SECONDS": str(LEASE_SECONDS),
        "ALICE_STOP_GRACE_SECONDS": "5",
    }
    live = Live(tmp_path, port, os.environ | settings)
    lay_database(tmp_path)
    live.manage("prepare")
    key = live.manage("create_api_key", "admin", "--name", "chaos", "--quiet")
    live.start("serve", "serve")
    live.wait("/readyz")
    campaign = Campaign(live, key, SEED)
    yield campaign
    campaign.end()


def verify(campaign: Campaign) -> None:
    """Every promise against what the server shows, the rows say and the disk holds."""
    made = promises(campaign.log)
    jobs, keys, kept = campaign.ledger.jobs(), campaign.ledger.keys(), campaign.ledger.pictures()
    assert [client.defects for client in campaign.clients if client.defects] == []
    assert {state for state, _, _ in jobs.values()} == {"succeeded"}
    assert Counter(p.job for p in kept) == Counter({job: n for job, (_, n, _) in jobs.items()})
    assert len({(p.job, p.index) for p in kept}) == len(kept)
    assert [picture.file for picture in kept if not campaign.ledger.is_good(picture)] == []
    assert "0 counts wrong" in campaign.live.manage("recount_usage", "--dry-run")
    with httpx2.Client(
        base_url=campaign.live.url, headers={"Authorization": f"Bearer {campaign.api_key}"}
    ) as http:
        for promise in made:
            _verify_promise(promise, keys, kept, http)


def _verify_promise(
    promise: Promise, keys: dict[str, str], kept: list[Kept], http: httpx2.Client
) -> None:
    job = promise.job.replace("-", "") or keys[promise.key]
    mine = {picture.index: picture for picture in kept if picture.job == job}
    shown = http.get(f"/v1/jobs/{job}").json()
    assert (shown["status"], len(shown["images"])) == ("succeeded", promise.n)
    assert sorted(mine) == list(range(promise.n))
    if promise.sha256:
        assert promise.sha256 == tuple(mine[index].sha256 for index in range(promise.n))
    for image in shown["images"]:
        assert http.get(image["url"]).status_code == 200


def summary(campaign: Campaign) -> str:
    jobs = campaign.ledger.jobs()
    made = promises(campaign.log)
    clients = campaign.clients
    attempts = dict(Counter(attempts for *_, attempts in jobs.values()))
    return f"""
chaos, seed {campaign.seed}: {sum(campaign.faults.values())} faults: {dict(campaign.faults)}
{len(made)} requests acknowledged of {sum(c.requests for c in clients)} made; \
{sum(c.cut for c in clients)} connections cut, {sum(c.refused for c in clients)} told to come later
{len(jobs)} jobs, all succeeded, by attempts {attempts}; \
{len(campaign.ledger.pictures())} pictures, each once and whole
"""


def test_forty_faults_lose_and_double_nothing(
    campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign.run(faults=40, pause=(1.0, 4.0))
    verify(campaign)
    with capsys.disabled():
        sys.stdout.write(summary(campaign))
    assert campaign.end() == []


@pytest.mark.long
def test_ten_minutes_of_faults_lose_and_double_nothing(
    campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign.run(faults=200, pause=(1.0, 5.0))
    verify(campaign)
    with capsys.disabled():
        sys.stdout.write(summary(campaign))
    assert campaign.end() == []
