"""A model row, an unsaved twin of it for pure tests, and jobs made of JSON alone."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from generation.api.fields import Said
from generation.models import Job
from generation.requests import ImageRequest
from generation.resolve import Resolved, adjustments_json, resolve
from modelhub.models import CatalogModel

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ID = uuid.UUID("0123456789abcdef0123456789abcdef")

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
