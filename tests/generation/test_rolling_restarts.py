"""Workers restarted one after the other under load: nothing fails, nothing is charged."""

from functools import partial
from pathlib import Path

import pytest

from accounts.models import User
from gallery.models import Image
from generation import jobs
from generation.models import Job
from generation.requests import ImageRequest
from generation.resolve import resolve
from modelhub.models import CatalogModel
from tests.clusters import Cluster, until

RESTARTS = 50
LOAD = 8


def top_up(owner: User, model: CatalogModel) -> None:
    """Keep LOAD jobs waiting, of about half a second each."""
    order = resolve(ImageRequest(prompt="a lake [mock:slow=0.05]", num_inference_steps=10), model)
    for _ in range(LOAD - jobs.queued().count()):
        jobs.submit(owner, order, jobs.Caller("native"))


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_fifty_rolling_restarts_cost_no_job_and_no_attempt(alice: User, tmp_path: Path) -> None:
    model = CatalogModel.objects.create(
        public_id="sd/demo", path="demo", layout="diffusers", family="sd1", native_resolution=64
    )
    start = partial(Cluster, tmp_path / "worker.log", ALICE_STOP_GRACE_SECONDS="8")
    present = start()
    for _ in range(RESTARTS):
        top_up(alice, model)
        heir = start()
        present.leader.terminate()
        assert present.ends(30) == 0
        present = heir
    until(lambda: not Job.objects.exclude(status=Job.Status.SUCCEEDED).exists(), present, 120)
    present.close()
    assert set(Job.objects.values_list("attempts", flat=True)) == {1}
    assert Image.objects.count() == Job.objects.count()
