"""Attacks through the one way out: URLs that callers send."""

import ipaddress
import socket
import threading
from dataclasses import replace

import pytest

from accounts.problems import Problem
from modelhub import fetcher
from tests.attacks.stage import Stage
from tests.attacks.table import Attack


def fetch(row: Attack, _: Stage) -> None:
    """`url`, under the policy for URLs of callers; `resolves`: what the name in it stands for.
    Refused with one of `expect`, and a listener on this machine hears nothing."""
    with socket.create_server(("", 0), family=socket.AF_INET) as listener:
        heard = threading.Event()
        waiting = threading.Thread(target=_listen, args=(listener, heard), daemon=True)
        waiting.start()
        for variant in row.variants():
            url = variant.given["url"].replace("{port}", str(listener.getsockname()[1]))
            _refused(row, url, variant.given.get("resolves", []))
        assert not heard.is_set()
        listener.shutdown(socket.SHUT_RDWR)
        waiting.join()


def _refused(row: Attack, url: str, resolves: list[str]) -> None:
    policy = replace(fetcher.USER, seconds=3.0)
    if resolves:
        known = [ipaddress.ip_address(each) for each in resolves]
        policy = replace(policy, resolve=lambda *_: known)
    with pytest.raises(Problem) as refused, fetcher.opened(url, policy) as reply:
        reply.read()
    assert str(refused.value.status) in row.expected
    assert refused.value.code in {"invalid_url", "address_not_allowed", "fetch_failed"}


def _listen(listener: socket.socket, heard: threading.Event) -> None:
    try:
        listener.accept()
    except OSError:
        return
    heard.set()
