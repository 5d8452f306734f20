"""Every attack of the table, against a live server or the very code that must withstand it."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.attacks import (
    hub_searching,
    hubs,
    in_files,
    in_models,
    outbound,
    over_http,
    over_wire,
)
from tests.attacks.stage import Stage, open_stage
from tests.attacks.table import Attack, attacks
from tests.live import service

TARGETS: Mapping[str, Callable[[Attack, Stage], None]] = {
    "http": over_http.attack,
    "burst": over_http.burst,
    "raw": over_wire.raw,
    "slowloris": over_wire.slowloris,
    "websocket": over_wire.websocket,
    "crowd": over_wire.crowd,
    "decode": in_files.decode,
    "fetch": outbound.fetch,
    "hub": hubs.hub,
    "upload": hub_searching.upload,
    "catalogue": hub_searching.catalogue,
    "preview": hub_searching.preview,
}
IN_A_FOLDER = {"scan": in_files.scan, "look": in_models.look, "unpack": in_files.unpack}
LEAST_ROWS = 150
# Nobody answers there.
PROVIDER = {
    "ALICE_OIDC_ISSUER": "http://127.0.0.1:9",
    "ALICE_OIDC_CLIENT_ID": "alice",
    "ALICE_OIDC_CLIENT_SECRET": "between two servers",
}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    # Open, and with a provider, so that attacks on the ways in get as far as they can.
    more = {"ALICE_REGISTRATION": "open", "ALICE_LOG_FORMAT": "json"} | PROVIDER
    with service(worker=False, **more) as live:
        yield open_stage(live)


@pytest.mark.parametrize("row", attacks(), ids=lambda row: row.id)
def test_the_attack_fails(row: Attack, stage: Stage, tmp_path: Path) -> None:
    if row.target in IN_A_FOLDER:
        IN_A_FOLDER[row.target](row, stage, tmp_path)
    else:
        TARGETS[row.target](row, stage)


def test_no_answer_was_a_defect(stage: Stage, figures: list[str]) -> None:
    told = ", ".join(f"{name} {stage.counts[name]}" for name in ("2xx", "3xx", "4xx", "5xx"))
    figures.append(f"attacks: {len(attacks())} rows, {stage.counts['requests']} requests: {told}")
    assert stage.counts["5xx"] == 0
    assert [line for line in stage.live.log.splitlines() if "Traceback" in line] == []


def test_every_event_is_one_line_of_the_log(stage: Stage) -> None:
    """Nothing that anybody sent begins a line of its own or moves a terminal."""
    lines = stage.live.log.splitlines()
    assert len(lines) > 20
    assert [line for line in lines if not isinstance(json.loads(line), dict)] == []
    assert "\x1b" not in stage.live.log


def test_no_row_was_lost() -> None:
    assert len(attacks()) >= LEAST_ROWS
