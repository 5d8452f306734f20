"""A model, in a row and without one; jobs made of JSON alone; a client and a worker in process."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from django.db import connections
from django.test import AsyncClient

from accounts import keys
from accounts.models import User
from generation import tasks
from generation.api.fields import Said
from generation.models import Job
from generation.requests import ImageRequest
from generation.resolve import Resolved, adjustments_json, resolve
from modelhub.models import CatalogModel

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ID = uuid.UUID("0123456789abcdef0123456789abcdef")

T = TypeVar("T")
Order = Callable[[ImageRequest, Said], Resolved]
Finish = Callable[..., Job]


def row() -> CatalogModel:
    return CatalogModel(
        public_id="sd/demo",
        path="demo",
        layout=CatalogModel.Layout.DIFFUSERS,
        family="sd-custom",
        native_resolution=256,
        created_at=NOON,
        defaults={"steps": 20, "guidance_scale": 5.0},
    )


@pytest.fixture
def order() -> Order:
    """Resolves with a model that no database holds."""

    def place(asked: ImageRequest, said: Said) -> Resolved:
        with said.in_own_words():
            return resolve(asked, row())

    return place


@pytest.fixture
def finish() -> Finish:
    """The job that an order became, a second after noon."""

    def end(resolved: Resolved, **more: Any) -> Job:
        values: dict[str, Any] = {
            "id": ID,
            "dialect": "native",
            "kind": resolved.spec.task.value,
            "model": resolved.spec.model,
            "status": Job.Status.SUCCEEDED,
            "requested": resolved.requested,
            "spec": resolved.spec.to_json(),
            "adjustments": adjustments_json(resolved),
            "step": resolved.spec.num_inference_steps,
            "steps": resolved.spec.num_inference_steps,
            "attempts": 1,
            "created_at": NOON,
            "started_at": NOON + timedelta(milliseconds=250),
            "finished_at": NOON + timedelta(seconds=1),
        }
        return Job(**values | more)

    return end


@pytest.fixture
def model(db: None) -> CatalogModel:
    model = row()
    model.save()
    return model


class Program(AsyncClient):
    """A client with a key. Django's own default headers get lost on the way to ASGI."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self.secret = secret

    def generic(self, *args: Any, headers: Any = None, **more: Any) -> Any:
        sent = {"Authorization": f"Bearer {self.secret}", **(headers or {})}
        return super().generic(*args, headers=sent, **more)


def client_of(user: User) -> Program:
    return Program(keys.mint(user, "test", ["generate"])[1])


@pytest.fixture
def client(alice: User) -> AsyncClient:
    """Alice's program."""
    return client_of(alice)


@pytest.fixture
def bobs(bob: User) -> AsyncClient:
    return client_of(bob)


@pytest.fixture
def staffs(staff: User) -> AsyncClient:
    return client_of(staff)


@pytest.fixture
def worker(db: None) -> Iterator[Callable[[], Awaitable[None]]]:
    """Runs what waits, by the same function that django-q2 calls, in a thread of its own."""
    with ThreadPoolExecutor(1) as thread:

        async def work() -> None:
            await asyncio.get_running_loop().run_in_executor(thread, tasks.run_next)

        yield work
        thread.submit(connections.close_all).result()


@pytest.fixture
def served(worker: Callable[[], Awaitable[None]]) -> Callable[[Awaitable[T]], Awaitable[T]]:
    """Awaits a blocking call while the worker works."""

    async def serve(call: Awaitable[T]) -> T:
        waiting = asyncio.ensure_future(call)
        while not waiting.done():
            await worker()
            await asyncio.sleep(0.01)
        return await waiting

    return serve
