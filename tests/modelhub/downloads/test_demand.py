"""The download cluster is there while something is to be fetched, and wakes by itself."""

import pytest

from aliceproject import downloading, preparation
from aliceproject.queue import WakeORM
from aliceproject.supervisor import Child, Program
from modelhub.downloads import bell
from modelhub.models import Download

pytestmark = pytest.mark.django_db


def asked() -> Download:
    return Download.objects.create(source="url", name="x", asked={"url": "https://x/y", "name": ""})


@pytest.mark.django_db(transaction=True)
def test_the_cluster_is_wanted_while_a_download_is_open() -> None:
    assert not downloading.Demand()()
    row = asked()
    assert downloading.Demand()()
    Download.objects.filter(pk=row.pk).update(status=Download.Status.COMPLETED)
    assert not downloading.Demand()()


def test_a_whole_server_starts_it_only_then() -> None:
    found = {program.name: program.wanted for program in preparation.programs()}
    assert [name for name, wanted in found.items() if wanted] == ["download"]


def test_a_program_that_is_not_wanted_is_kept_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([True, False, False])
    child = Child(Program("p", ["true"], wanted=lambda: next(answers)))
    assert child.is_wanted()
    assert child.is_wanted()
    monkeypatch.setattr("aliceproject.supervisor.UNWANTED_SECONDS", 0.0)
    assert not child.is_wanted()


def test_a_cluster_nobody_rang_wakes_by_itself() -> None:
    broker = WakeORM(bell.CLUSTER)
    assert broker._self_wake() is None
    asked()
    broker._probed = 0.0
    assert broker._self_wake()
