"""The doorbells of the clusters: rung once, and missed by nobody when they are broken."""

import pytest
from django.db import OperationalError
from django_q.models import OrmQ

from accounts import doorbell

pytestmark = pytest.mark.django_db


def test_a_bell_that_rings_is_not_rung_again() -> None:
    doorbell.ring_once("io", "os.getpid")
    doorbell.ring_once("io", "os.getpid")
    assert OrmQ.objects.filter(key="io").count() == 1


def test_bells_of_other_clusters_are_others() -> None:
    doorbell.ring_once("io", "os.getpid")
    doorbell.ring_once("image", "os.getpid")
    assert set(OrmQ.objects.values_list("key", flat=True)) == {"io", "image"}


@pytest.mark.parametrize("broken", ["async_task", "get_broker"])
def test_a_broken_bell_is_said_and_stops_nobody(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("no queue")

    monkeypatch.setattr(doorbell, broken, away)
    doorbell.ring_once("io", "os.getpid")
    assert "The io cluster was not woken: no queue" in caplog.text
