"""Hashing that costs nothing, and several threads that do one thing at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.problems import Problem

T = TypeVar("T")


@pytest.fixture
def quick_hashes(settings: Settings) -> None:
    """Hashing is slow on purpose; what is tested here is not the hash."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def at_once(*deeds: Callable[[], T]) -> tuple[list[T], list[str]]:
    """What the deeds returned that were done, and the codes of those that were refused."""
    ready = threading.Barrier(len(deeds))

    def run(deed: Callable[[], T]) -> T | Problem:
        ready.wait()
        try:
            return deed()
        except Problem as problem:
            return problem
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        ended = list(pool.map(run, deeds))
    refused = [end.code for end in ended if isinstance(end, Problem)]
    return [end for end in ended if not isinstance(end, Problem)], refused
