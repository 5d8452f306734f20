"""One server a data directory, and no stale lock after any death."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aliceproject import instance
from aliceproject.instance import AlreadyRunning

HOLDER = """
import sys, time, pathlib
from aliceproject import instance
with instance.only_one(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_holder_is_refused_with_the_first_ones_pid(tmp_path: Path) -> None:
    second = instance.only_one(tmp_path)
    with instance.only_one(tmp_path), pytest.raises(AlreadyRunning) as refusal:
        second.__enter__()
    assert refusal.value.pid == os.getpid()


def test_the_lock_is_free_again_after_its_holder(tmp_path: Path) -> None:
    with instance.only_one(tmp_path):
        assert instance.running(tmp_path) == os.getpid()
    assert instance.running(tmp_path) == 0


def test_nobody_runs_where_nobody_ever_ran(tmp_path: Path) -> None:
    assert instance.running(tmp_path) == 0


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert instance.running(tmp_path) == holder.pid
        holder.kill()
        holder.wait()
    with instance.only_one(tmp_path):
        assert instance.running(tmp_path) == os.getpid()
