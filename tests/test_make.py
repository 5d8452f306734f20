"""The Makefile's words exist, and it says what is missing before anything else goes wrong."""

import re
import subprocess

import pytest

from tests.live import ROOT


def make(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True)


def test_every_word_is_explained() -> None:
    words = re.findall(r"^(\S+) ", make("help").stdout, re.MULTILINE)
    expected = {"start", "stop", "dev", "test", "test-long", "lint", "bench", "clean", "install"}
    assert expected <= set(words)


@pytest.mark.parametrize("word", ["start", "test", "install", "lint"])
def test_without_a_suitable_python_it_says_what_is_needed(word: str) -> None:
    done = make(word, "PYTHON=")
    assert done.returncode != 0
    assert "ALICE needs Python 3.11 or newer" in done.stdout


def test_background_is_passed_on() -> None:
    plan = make("--dry-run", "start", "BACKGROUND=1").stdout
    assert "serve --first-light --background" in plan


def test_the_environment_can_lie_elsewhere() -> None:
    assert "/elsewhere/bin/python -m pytest" in make("--dry-run", "test", "VENV=/elsewhere").stdout
