"""Attacks by hubs: what one tells, sends or leads to, and what our side of it refuses."""

import json
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import pytest
from django.test import override_settings

from accounts.problems import Problem
from modelhub.sources import ORIGINS
from modelhub.sources.contract import Origin, Wanted
from tests.attacks.stage import Stage
from tests.attacks.table import Attack
from tests.hub import server
from tests.hub.server import Hub
from tests.hub.weights import pipeline, safetensors

TOKEN = "hf_canary_of_the_hub"
# However much it says, nobody listens longer.
SECONDS = 20
FILE = b'{"type":"file","path":"x.safetensors","size":1},'
# Answers that are too long to be written down.
SAID: Mapping[str, bytes] = {
    "files-without-end": b"[" + FILE * 120_000 + b"{}]",
    "lists-without-end": b"[" + b"[]," * 400_000 + b"[]]",
    "objects-without-end": b'{"modelVersions":[' + b"{}," * 400_000 + b"{}]}",
    "nine-megabytes": b'["' + b"x" * 9_000_000 + b'"]',
    "depth": b"[" * 150_000 + b"]" * 150_000,
    "digits": b"[" + b"9" * 100_000 + b"]",
    "a-page": b"[" + FILE + b"{}]",
}
# The way to the next page, as headers have it.
LINKS: Mapping[str, str] = {
    "itself": '<{url}/api/models/maker/model/tree/main>; rel="next"',
    "inside": '<http://169.254.169.254/x>; rel="next"',
    "elsewhere": '<http://evil.example/x>; rel="next"',
    "slow": "<" * 60_000,
    "slower": "<a>;" + " " * 60_000,
}


def hub(row: Attack, _: Stage) -> None:
    """`source` and `ref`, read, planned and fetched from a hub that has `files` in maker/model and
    `download_url` for CivitAI's model 7, and misbehaves by `faults`. `says`: what of SAID it answers
    a question with; `link`: which of LINKS comes along. Refused with one of `expect`, soon, and no
    other host ever saw the token."""
    for variant in row.variants():
        with server.running() as running:
            _prepare(running, variant.given)
            begin = time.monotonic()
            _refused(running, row, variant.given)
            assert time.monotonic() - begin < SECONDS
            assert not any(TOKEN in str(heard.headers) for heard in running.at_storage())


def _prepare(running: Hub, given: Any) -> None:
    files = {name: _content(told) for name, told in given.get("files", {}).items()}
    running.repo("maker/model", files or {"model.safetensors": safetensors(1000)})
    more = {"downloadUrl": given["download_url"]} if "download_url" in given else {}
    running.civitai(7, given.get("name", "x.safetensors"), safetensors(1000), **more)
    running.faults.says = {asked: SAID[name] for asked, name in given.get("says", {}).items()}
    running.faults.link = LINKS[given["link"]].format(url=running.url) if "link" in given else ""
    for name, value in given.get("faults", {}).items():
        told = deque((status, {}) for status in value) if name == "statuses" else value
        setattr(running.faults, name, told)


def _content(told: Any) -> bytes:
    if isinstance(told, dict):
        if "parts" in told:
            told = {f"part{n}": ["diffusers", "AutoencoderKL"] for n in range(told["parts"])}
        index = json.loads(pipeline()["model_index.json"])
        return json.dumps(index | told).encode()
    return str(told).encode()


def _refused(running: Hub, row: Attack, given: Any) -> None:
    origin = ORIGINS[given["source"]]
    asked = {
        "ALICE_HUGGINGFACE_URL": running.url, "ALICE_HUGGINGFACE_TOKEN": TOKEN,
        "ALICE_CIVITAI_URL": running.url, "ALICE_CIVITAI_TOKEN": TOKEN,
        "ALICE_HUB_HOSTS": [server.STORAGE_HOST],
    }  # fmt: skip
    with override_settings(**asked), pytest.raises(Problem) as refused:
        _fetch(origin, given["ref"])
    assert refused.value.code in row.expected, refused.value.message
    assert TOKEN not in refused.value.message


def _fetch(origin: Origin, reference: Any) -> None:
    for file in origin.plan(origin.read(reference).asked, bool).files:
        with origin.opened(Wanted(file.url), bool) as body:
            list(body.pieces)
