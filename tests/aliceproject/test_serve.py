"""`manage.py serve` as a person runs it: first start, second start, refusals, stop."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.live import ROOT, Live, free_port, lay_database
from tests.model_folders import build

FIRST_LIGHT = re.compile(r"First light, .*:\n  (/.*\.png)\n")


def until(claim: Callable[[], object], live: Live, seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < give_up, live.log
        time.sleep(0.05)


def stage(data_dir: Path) -> Live:
    build(data_dir / "models" / "tiny")
    port = free_port()
    (data_dir / "processes.log").touch()
    env = os.environ | {
        "ALICE_DATA_DIR": str(data_dir),
        "ALICE_PORT": str(port),
        "ALICE_BACKEND": "mock",
        "ALICE_STOP_GRACE_SECONDS": "5",
    }
    return Live(data_dir, port, env)


def descendants(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True).stdout
    pairs = [tuple(map(int, line.split())) for line in found.splitlines()]
    direct = [child for child, parent in pairs if parent == pid]
    return direct + [below for child in direct for below in descendants(child)]


def refusal(live: Live, *arguments: str) -> str:
    command = [sys.executable, "manage.py", "serve", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=live.env, capture_output=True, text=True)
    assert done.returncode == 1
    return done.stderr


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    live = stage(tmp_path)
    lay_database(tmp_path)
    yield live
    for name in list(live.processes):
        live.stop(name)


@pytest.fixture
def running(live: Live) -> Live:
    live.start("serve", "serve")
    live.wait("/readyz")
    return live


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Live, str, str]:
    """A server started twice, and what it said each time."""
    live = stage(tmp_path_factory.mktemp("first"))
    live.start("serve", "serve", "--first-light")
    until(lambda: FIRST_LIGHT.search(live.log), live)
    assert live.stop("serve") == 0
    first = live.log
    live.start("serve", "serve", "--first-light")
    live.wait("/readyz")
    until(lambda: live.log.count("ALICE is ready") == 2, live)
    assert live.stop("serve") == 0
    return live, first, live.log.removeprefix(first)


def test_the_first_start_shows_the_secrets_and_a_request(starts: tuple[Live, str, str]) -> None:
    live, first, _ = starts
    assert re.search(r"User +admin\n +Password +\S{20}\n +API key +sk-alice-", first)
    assert f"curl {live.url}/v1/images/generations" in first


def test_the_first_picture_lies_where_it_says(starts: tuple[Live, str, str]) -> None:
    place = FIRST_LIGHT.search(starts[1])
    assert place is not None
    assert Path(place[1]).read_bytes().startswith(b"\x89PNG")


def test_a_second_start_has_no_secret_and_draws_nothing(starts: tuple[Live, str, str]) -> None:
    second = starts[2]
    assert "ALICE is ready" in second
    assert ("Password" in second, "sk-alice-" in second, "picture" in second) == (False,) * 3


def test_no_secret_is_kept_in_clear(starts: tuple[Live, str, str]) -> None:
    live, first, _ = starts
    secrets = re.findall(r"(?:Password|API key) +(\S+)", first)
    kept = [f.read_bytes() for f in live.data_dir.glob("*sqlite3*")]
    assert not any(secret.encode() in content for secret in secrets for content in kept)


def test_a_stop_leaves_no_process(running: Live) -> None:
    pids = descendants(running.processes["serve"].pid)
    assert len(pids) >= 3
    assert running.stop("serve") == 0
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_a_killed_supervisor_leaves_no_process(running: Live) -> None:
    pids = descendants(running.processes["serve"].pid)
    running.processes["serve"].kill()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), running)


def test_a_killed_web_process_comes_back(running: Live) -> None:
    web = next(
        pid
        for pid in descendants(running.processes["serve"].pid)
        if b"\0web\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(web, signal.SIGKILL)
    until(lambda: "web was ended by SIGKILL" in running.log, running)
    running.wait("/livez")


def test_a_second_server_on_the_same_data_is_refused(running: Live) -> None:
    pid = running.processes["serve"].pid
    assert f"already running on {running.data_dir} (process {pid})" in refusal(running)


def test_a_taken_port_is_named_with_the_setting(live: Live) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", live.port))
        other.listen()
        said = refusal(live)
    assert f"Port {live.port} on 127.0.0.1 is taken" in said
    assert "ALICE_PORT" in said


def test_a_foreign_address_is_refused(live: Live) -> None:
    live.env["ALICE_HOST"] = "192.0.2.1"
    assert "192.0.2.1 is no address of this machine" in refusal(live)


def test_an_invalid_setting_stops_the_start(live: Live) -> None:
    live.env["ALICE_BACKEND"] = "magic"
    assert "ALICE_BACKEND='magic' is not allowed" in refusal(live)


def test_an_open_server_for_everybody_is_refused(live: Live) -> None:
    live.env |= {"ALICE_HOST": "0.0.0.0", "ALICE_REQUIRE_AUTH": "false"}
    assert "alice.E001" in refusal(live)


def test_it_runs_in_the_background_until_stopped(live: Live) -> None:
    said = live.manage("serve", "--first-light", "--background")
    try:
        assert FIRST_LIGHT.search(said)
        assert httpx2.get(f"{live.url}/livez").status_code == 200
    finally:
        assert live.manage("stop") == "ALICE has stopped."
    assert "sk-alice-" not in (live.data_dir / "alice.log").read_text()


def test_stopping_nothing_is_no_error(live: Live) -> None:
    assert live.manage("stop") == "ALICE is not running."


def test_systemd_is_told_when_the_server_answers(live: Live, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        live.env["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        live.start("serve", "serve")
        assert systemd.recv(100) == b"READY=1"
    assert httpx2.get(f"{live.url}/livez").status_code == 200


def test_ipv6_is_served(live: Live) -> None:
    live.env["ALICE_HOST"] = "::1"
    live.start("serve", "serve")
    url = f"http://[::1]:{live.port}"
    until(lambda: f"ALICE is ready: {url}/" in live.log, live)
    assert httpx2.get(f"{url}/livez").status_code == 200


def test_a_changed_source_restarts_web_and_worker(live: Live) -> None:
    live.start("serve", "serve", "--reload")
    live.wait("/readyz")
    (ROOT / "aliceproject" / "__init__.py").touch()
    until(lambda: live.log.count("web started") >= 2, live)
    until(lambda: live.log.count("worker started") >= 2, live)
    live.wait("/readyz")
