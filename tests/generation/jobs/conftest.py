"""A model, orders for it, jobs in every state, and threads that meet at one moment."""

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import pytest
from django.db import connections
from django.db.models.functions import Now

from accounts.models import User
from gallery import storage
from generation import jobs
from generation.engine.contract import Picture, Raster
from generation.jobs.fence import from_now
from generation.jobs.saver import recipe_of
from generation.models import Job
from generation.requests import ImageRequest
from generation.resolve import Resolved, resolve
from modelhub.models import CatalogModel

T = TypeVar("T")
Order = Callable[..., Resolved]
Submit = Callable[..., Job]
Take = Callable[..., jobs.Claim]


def installed(name: str) -> CatalogModel:
    return CatalogModel.objects.create(
        public_id=f"sd/{name}",
        path=name,
        layout=CatalogModel.Layout.DIFFUSERS,
        family="sd1",
        native_resolution=64,
    )


@pytest.fixture
def model(db: None) -> CatalogModel:
    return installed("demo")


@pytest.fixture
def other_model(db: None) -> CatalogModel:
    return installed("other")


@pytest.fixture
def order(model: CatalogModel) -> Order:
    def make(prompt: str = "a lake", of: CatalogModel = model, **said: Any) -> Resolved:
        return resolve(ImageRequest(prompt=prompt, **{"num_inference_steps": 10, **said}), of)

    return make


@pytest.fixture
def submit(order: Order, alice: User) -> Submit:
    """Alice's job, unless another owner is named; `said` goes to the caller."""

    def place(owner: User = alice, resolved: Resolved | None = None, **said: Any) -> Job:
        return jobs.submit(owner, resolved or order(), jobs.Caller("native", **said))

    return place


@pytest.fixture
def take() -> Take:
    """Claims what must be there."""

    def claim(worker: str = "w1", warm: Sequence[str] = ()) -> jobs.Claim:
        taken = jobs.claim(worker, warm)
        assert taken is not None
        return taken

    return claim


def expire(job: Job) -> None:
    """The job's worker was silent for longer than its lease."""
    Job.objects.filter(pk=job.pk).update(lease_expires_at=from_now(-1))


def age(job: Job, seconds: float) -> None:
    """The job was submitted that long ago."""
    job.submissions.update(created_at=from_now(-seconds))
    Job.objects.filter(pk=job.pk).update(created_at=Now())


def picture(claim: jobs.Claim, index: int = 0) -> Picture:
    spec = claim.spec
    raster = Raster(spec.width, spec.height, bytes(spec.width * spec.height * 3))
    return Picture(index, spec.seed_of(index), raster)


def stored(claim: jobs.Claim, index: int = 0) -> jobs.Stored:
    """A picture of the claimed job whose files exist."""
    drawn = picture(claim, index)
    recipe = recipe_of(claim.spec, drawn)
    image_id = uuid.uuid4()
    name = f"{image_id}-{claim.token}"
    raster = drawn.raster
    file = storage.stage(raster.rgb, raster.width, raster.height, recipe, name)
    return jobs.Stored(image_id, index, recipe, file)


def at_once(calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """What each call returned or raised, all begun at one moment in threads of their own."""
    ready = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | Exception:
        ready.wait()
        try:
            return call()
        except Exception as error:  # noqa: BLE001 the test looks at it
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))
