import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import throttle
from accounts.models import RateWindow, User
from accounts.problems import RateLimited
from tests import database
from tests.services.fixtures import environment

ROOT = Path(__file__).resolve().parent.parent.parent


class Clock:
    """Stands in the middle of a minute, so that no test runs over into the next one."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_030.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    still = Clock()
    monkeypatch.setattr(throttle, "clock", still)
    return still


def tries(name: str, limit: int, times: int, cost: int = 1) -> int:
    """How many of `times` are let through."""
    passed = 0
    for _ in range(times):
        try:
            throttle.hit(name, limit, cost)
        except RateLimited:
            continue
        passed += 1
    return passed


@pytest.mark.django_db
def test_exactly_the_limit_passes() -> None:
    assert tries("a", 3, times=5) == 3
    assert throttle.count("a") == 3


@pytest.mark.django_db
def test_a_hit_says_how_many_are_left() -> None:
    assert [throttle.hit("a", 3) for _ in range(3)] == [2, 1, 0]


@pytest.mark.django_db
def test_names_are_counted_apart() -> None:
    assert tries("a", 1, times=2) == tries("b", 1, times=2) == 1


@pytest.mark.django_db
def test_a_refused_cost_leaves_room_for_a_smaller_one() -> None:
    assert tries("a", 10, times=2, cost=7) == 1
    assert throttle.hit("a", 10, cost=3) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(("limit", "cost"), [(0, 1), (3, 4)])
def test_what_can_never_fit_is_refused_at_once(limit: int, cost: int) -> None:
    with pytest.raises(RateLimited):
        throttle.hit("a", limit, cost)
    assert not RateWindow.objects.exists()


@pytest.mark.django_db
def test_a_refusal_says_when_to_come_back() -> None:
    throttle.hit("a", 1)
    with pytest.raises(RateLimited) as caught:
        throttle.hit("a", 1)
    assert (caught.value.status, caught.value.code) == (429, "rate_limit_exceeded")
    assert caught.value.headers["Retry-After"] == "30"


@pytest.mark.django_db
def test_the_next_minute_begins_anew(clock: Clock) -> None:
    assert tries("a", 2, times=3) == 2
    clock.seconds += 60
    assert throttle.count("a") == 0
    assert tries("a", 2, times=3) == 2


@pytest.mark.django_db
def test_a_clock_that_lags_behind_counts_into_the_same_window(clock: Clock) -> None:
    assert tries("a", 2, times=2) == 2
    clock.seconds -= 60
    assert tries("a", 2, times=1) == 0


@pytest.mark.django_db
def test_a_clock_that_was_a_day_ahead_closes_nothing(clock: Clock) -> None:
    assert tries("a", 1, times=2) == 1
    clock.seconds -= 86400
    assert tries("a", 1, times=2) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["x" * 1000, "a\x00b", "\ud800", "é" * 200])
def test_any_name_is_counted(name: str) -> None:
    assert tries(name, 1, times=2) == 1
    assert throttle.count(name) == 1


@pytest.mark.django_db
def test_sweeping_takes_only_windows_that_are_over(clock: Clock) -> None:
    now = int(clock()) // 60
    for name, minute in [("old", now - 2), ("last", now - 1), ("now", now), ("ahead", now + 9)]:
        RateWindow.objects.create(name=name, minute=minute, count=1)
    assert throttle.sweep() == 2
    assert set(RateWindow.objects.values_list("name", flat=True)) == {"last", "now"}


@pytest.mark.django_db(transaction=True)
def test_hits_sweep_by_and_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "SWEEP_EVERY", 1)
    RateWindow.objects.create(name="old", minute=1, count=1)
    throttle.hit("a", 1)
    assert not RateWindow.objects.filter(name="old").exists()


@pytest.mark.django_db(transaction=True)
def test_what_was_counted_outlives_a_refused_request() -> None:
    for _ in range(2):
        throttle.hit("a", 9)
        with pytest.raises(RuntimeError), transaction.atomic():
            raise RuntimeError
    assert throttle.count("a") == 2


@pytest.mark.django_db(transaction=True)
def test_a_refusal_inside_a_transaction_leaves_it_usable() -> None:
    with transaction.atomic():
        assert tries("a", 1, times=2) == 1
        User.objects.create(username="alice")
    assert (throttle.count("a"), User.objects.count()) == (1, 1)


@contextmanager
def read_only() -> Iterator[None]:
    """Each engine's way to forbid writing, for the rest of a transaction at least."""
    on, off = {
        "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        "postgresql": ("SET transaction_read_only = on", "SELECT 1"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(on)
        try:
            yield
        finally:
            cursor.execute(off)


@pytest.mark.django_db(transaction=True)
def test_while_the_database_is_read_only_everybody_passes(caplog: pytest.LogCaptureFixture) -> None:
    # Inside a transaction, which must stay usable: there a failure does the most harm.
    with transaction.atomic(), read_only():
        assert tries("a", 1, times=3) == 3
        assert User.objects.count() == 0
    assert "Could not count a" in caplog.text


@pytest.mark.django_db
def test_a_closed_window_is_asked_without_writing() -> None:
    throttle.hit("a", 1)
    before = RateWindow.objects.values().get()
    with CaptureQueriesContext(connection) as queries:
        assert tries("a", 1, times=1) == 0
    assert len([q for q in queries if "INSERT" in q["sql"]]) == 1
    assert RateWindow.objects.values().get() == before


EIGHTH = """
import sys, django
django.setup()
from accounts import throttle
from tests.accounts.test_throttle import tries
print("ready", flush=True)
sys.stdin.readline()
print(tries("shared", 100, times=40))
"""


def _wait_for_room() -> None:
    """Until the minute is young enough that all of them end within it."""
    if time.time() % 60 > 40:
        time.sleep(60.5 - time.time() % 60)


@pytest.mark.django_db(transaction=True)
def test_eight_processes_together_pass_exactly_the_limit() -> None:
    known = environment(DATABASE_URL=database.url(), DJANGO_SETTINGS_MODULE="aliceproject.settings")
    started = [
        subprocess.Popen(
            [sys.executable, "-c", EIGHTH],
            cwd=ROOT,
            env=known,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    _wait_for_room()
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda process: process.communicate("go\n")[0], started))
    assert sum(map(int, told)) == 100


@pytest.mark.parametrize(
    ("address", "known_as"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("/run/alice.sock", "/run/alice.sock"),
    ],
)
def test_an_ipv6_caller_is_known_by_the_network(address: str, known_as: str) -> None:
    assert throttle.neighbourhood(address) == known_as
