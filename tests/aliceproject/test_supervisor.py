"""Programs are kept running and all of them end, however the supervisor ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

# Runs in a process of its own: signals and session leaders are the subject.
STAGE = """
import logging, sys
from aliceproject import supervisor
logging.basicConfig(level="INFO", stream=sys.stderr)
folder, grace, *scripts = sys.argv[1:]
programs = [
    supervisor.Program(f"p{n}", (sys.executable, "-c", script, folder), {"NUMBER": str(n)})
    for n, script in enumerate(scripts)
]
supervisor.Supervisor(programs, float(grace)).run()
"""
NOTE = "import os, sys, time, pathlib; home = pathlib.Path(sys.argv[1]);"
# Each start leaves a file named by its pid.
SLEEPER = NOTE + "(home / str(os.getpid())).touch(); time.sleep(600)"
WITH_CHILD = NOTE + (
    "pid = os.fork() or (home / f'child-{os.getpid()}').touch();"
    "(home / str(os.getpid())).touch() if pid else None; time.sleep(600)"
)
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPER
# A grandchild that leaves its parents and their session, for RUNS seconds.
STRAY = NOTE + (
    "os.fork() or (os.setsid(), os.fork() and os._exit(0),"
    "(home / f'stray-{os.getpid()}').touch(), time.sleep(RUNS), os._exit(0));"
    "os.wait(); (home / str(os.getpid())).touch(); time.sleep(600)"
)
BRIEF = NOTE + "(home / str(os.getpid())).touch(); sys.exit(0)"

Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    started: list[subprocess.Popen[str]] = []

    def start(*scripts: str, grace: float = 10) -> "subprocess.Popen[str]":
        argv = [sys.executable, "-c", STAGE, str(tmp_path), str(grace), *scripts]
        started.append(subprocess.Popen(argv, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
    for pid in filter(alive, pids(tmp_path)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for process in started:
        process.wait(10)
        assert process.stderr is not None
        process.stderr.close()


def pids(folder: Path) -> list[int]:
    return [int(file.name.rpartition("-")[2]) for file in folder.iterdir()]


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    # It may end between the opening and the reading.
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(claim: Callable[[], bool], seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < give_up, "did not come true"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_every_program(number: int, run: Run, tmp_path: Path) -> None:
    process = run(SLEEPER, WITH_CHILD, grace=60)
    until(lambda: len(pids(tmp_path)) == 3)
    process.send_signal(number)
    assert process.wait(30) == 0
    assert [pid for pid in pids(tmp_path) if alive(pid)] == []


def test_a_killed_program_is_started_again(run: Run, tmp_path: Path) -> None:
    run(SLEEPER)
    until(lambda: len(pids(tmp_path)) == 1)
    os.kill(pids(tmp_path)[0], signal.SIGKILL)
    until(lambda: len(pids(tmp_path)) == 2)


def test_what_a_dead_leader_left_is_ended_before_the_restart(run: Run, tmp_path: Path) -> None:
    run(WITH_CHILD)
    until(lambda: len(pids(tmp_path)) == 2)
    first = {file.name: int(file.name.rpartition("-")[2]) for file in tmp_path.iterdir()}
    leader = next(pid for name, pid in first.items() if not name.startswith("child"))
    os.kill(leader, signal.SIGKILL)
    until(lambda: len(pids(tmp_path)) == 4)
    assert not any(alive(pid) for pid in first.values())


def test_a_program_that_ends_in_peace_is_started_again_too(run: Run, tmp_path: Path) -> None:
    run(BRIEF)
    until(lambda: len(pids(tmp_path)) >= 2)


def test_restarts_back_off(run: Run, tmp_path: Path) -> None:
    process = run(BRIEF)
    until(lambda: len(pids(tmp_path)) >= 3)
    process.terminate()
    lines = process.communicate()[1]
    assert [f"again in {wait} s" in lines for wait in ("0.5", "1.0")] == [True, True]


def test_a_stubborn_program_is_killed_after_the_grace(run: Run, tmp_path: Path) -> None:
    process = run(STUBBORN, grace=0.5)
    until(lambda: len(pids(tmp_path)) == 1)
    process.terminate()
    assert process.wait(30) == 0
    assert not alive(pids(tmp_path)[0])


def test_a_frozen_program_is_killed_after_the_grace(run: Run, tmp_path: Path) -> None:
    process = run(SLEEPER, grace=0.5)
    until(lambda: len(pids(tmp_path)) == 1)
    os.kill(pids(tmp_path)[0], signal.SIGSTOP)
    process.terminate()
    assert process.wait(30) == 0
    assert not alive(pids(tmp_path)[0])


def test_a_second_stop_waits_no_longer(run: Run, tmp_path: Path) -> None:
    process = run(STUBBORN, grace=60)
    until(lambda: len(pids(tmp_path)) == 1)
    process.terminate()
    time.sleep(0.5)
    # Another signal than the first: two of a kind that come close together are told as one.
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
def test_killing_the_supervisor_leaves_no_orphan(run: Run, tmp_path: Path) -> None:
    process = run(SLEEPER, SLEEPER)
    until(lambda: len(pids(tmp_path)) == 2)
    process.kill()
    until(lambda: not any(alive(pid) for pid in pids(tmp_path)))


def test_a_program_that_cannot_start_does_not_end_the_others(tmp_path: Path) -> None:
    stage = STAGE.replace(
        "supervisor.Supervisor(programs",
        ("supervisor.Supervisor([supervisor.Program('x', ('/no/such',)), *programs]"),
    )
    argv = [sys.executable, "-c", stage, str(tmp_path), "5", SLEEPER]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: len(pids(tmp_path)) == 1)
        process.terminate()
        assert "x cannot be started" in process.communicate()[1]


def test_a_program_that_is_to_wait_starts_later_than_the_others(tmp_path: Path) -> None:
    stage = f"""
from aliceproject import supervisor
argv = ({sys.executable!r}, "-c", "open({str(tmp_path / "times")!r}, 'a').write(str(__import__('time').monotonic()) + chr(10)); __import__('time').sleep(60)")
supervisor.Supervisor(
    [supervisor.Program("late", argv, after=1.5), supervisor.Program("early", argv)], 5
).run()
"""
    process = subprocess.Popen([sys.executable, "-c", stage])
    times: list[str] = []
    try:
        until = time.monotonic() + 60
        while len(times) < 2 and time.monotonic() < until:
            time.sleep(0.05)
            times = (
                (tmp_path / "times").read_text().split() if (tmp_path / "times").exists() else []
            )
    finally:
        process.terminate()
        process.wait(30)
    assert float(times[1]) - float(times[0]) > 1


def test_a_program_sees_its_own_variables(run: Run, tmp_path: Path) -> None:
    run(NOTE + "(home / f'{os.environ[\"NUMBER\"]}-{os.getpid()}').touch(); time.sleep(600)")
    until(lambda: [file.name[:2] for file in tmp_path.iterdir()] == ["0-"])


def test_a_stray_that_ends_is_buried(run: Run, tmp_path: Path) -> None:
    run(STRAY.replace("RUNS", "0.3"))
    until(lambda: len(pids(tmp_path)) == 2)
    stray = next(pid for pid in pids(tmp_path) if (tmp_path / f"stray-{pid}").exists())
    until(lambda: not Path(f"/proc/{stray}").exists())


def test_a_stop_ends_strays_too(run: Run, tmp_path: Path) -> None:
    process = run(STRAY.replace("RUNS", "600"), grace=60)
    until(lambda: len(pids(tmp_path)) == 2)
    process.terminate()
    assert process.wait(30) == 0
    assert [pid for pid in pids(tmp_path) if alive(pid)] == []
