"""Attacks on what staff bring in: files they send, catalogues they ask, pictures these point to."""

import hashlib
import json
import pickle
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import override_settings

from accounts.problems import Problem
from modelhub import fetcher
from modelhub.searching import catalogues as asking
from modelhub.searching.finds import Question
from tests.attacks.in_files import Trap, zipped
from tests.attacks.outbound import _listen
from tests.attacks.stage import Stage
from tests.attacks.table import Attack
from tests.hub.catalogues import serving

UPLOADS = "/v1/models/uploads"
CANARY = Path("/tmp/alice-upload-canary")
FILES: Mapping[str, Callable[[], bytes]] = {
    "pickle": lambda: pickle.dumps(Trap(CANARY)),
    "torch-zip": lambda: zipped({"archive/data.pkl": pickle.dumps(Trap(CANARY))}),
    "pickle-behind-a-header": lambda: b"\x02" + bytes(7) + b"{}" + pickle.dumps(Trap(CANARY)),
    "header-of-a-terabyte": lambda: (2**40).to_bytes(8, "little") + b"{}",
    "header-of-deep-json": lambda: (10**5).to_bytes(8, "little") + b"[" * 10**5,
    "html": lambda: b"<!DOCTYPE html><script>alert(1)</script>",
    "one-byte": lambda: b"x",
}


def upload(row: Attack, stage: Stage) -> None:
    """`file`: a name above, sent whole as lake.safetensors. Refused with `code`; nothing is left."""
    before, data, source = stage.kept(), FILES[row.given["file"]](), stage.source(row.number)
    headers = stage.credentials("staff") | {"Content-Type": "application/json"}
    body = {
        "filename": "trap.safetensors",
        "sizeBytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    begun = stage.ask(f"POST {UPLOADS}", headers, json.dumps(body).encode(), source)
    assert begun.status == 201, begun.text
    at = f"{UPLOADS}/{json.loads(begun.body)['id']}"
    as_bytes = headers | {"Content-Type": "application/octet-stream"}
    assert stage.ask(f"PUT {at}?offset=0", as_bytes, data, source).status == 200
    ended = stage.ask(f"POST {at}/complete", headers, b"", source)
    assert str(ended.status) in row.expected, ended.text
    assert json.loads(ended.body)["error"]["code"] == row.given["code"]
    assert not CANARY.exists()
    # The lock that uploads share may be new.
    after = stage.kept()
    assert {k: v for k, v in after.items() if k != "files"} == {
        k: v for k, v in before.items() if k != "files"
    }
    assert not list((stage.live.data_dir / "models").rglob("*trap*"))


def catalogue(row: Attack, _: Stage) -> None:
    """`mood`: how the catalogue misbehaves. A problem with a code and a time, never a defect; and
    nobody else on this machine is asked.
    """
    cache.clear()
    with serving() as both, serving() as neighbour:
        both.mood, both.onward = row.given["mood"], neighbour.url
        with override_settings(ALICE_CIVITAI_URL=both.url, ALICE_HUGGINGFACE_URL=both.url):
            for source in ("civitai", "huggingface"):
                with pytest.raises(Problem) as refused:
                    asking.ask(Question(source))
                assert str(refused.value.status) in row.expected
                assert refused.value.code == row.given["code"]
                assert 1 <= int(refused.value.headers["Retry-After"]) <= 60
        assert neighbour.asked == []
    cache.clear()


def preview(row: Attack, _: Stage) -> None:
    """`each`: what a catalogue says its picture is. None is asked for; a listener hears nothing."""
    with socket.create_server(("", 0), family=socket.AF_INET) as listener:
        heard = threading.Event()
        waiting = threading.Thread(target=_listen, args=(listener, heard), daemon=True)
        waiting.start()
        for variant in row.variants():
            url = variant.given["url"].replace("{port}", str(listener.getsockname()[1]))
            for source in ("civitai", "huggingface"):
                with pytest.raises(Problem) as refused:
                    _fetch(source, url)
                assert str(refused.value.status) in row.expected
        assert not heard.is_set()
        listener.shutdown(socket.SHUT_RDWR)
        waiting.join()


def _fetch(source: str, url: str) -> None:
    policy, headers = asking.CATALOGUES[source].for_preview(url)
    with fetcher.opened(url, policy, headers=headers) as reply:
        reply.read()
