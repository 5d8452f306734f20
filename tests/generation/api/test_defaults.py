"""GET /v1/generation/defaults and /v1/schedulers."""

import pytest
from django.test import AsyncClient

from generation.engine.samplers import SAMPLERS
from modelhub.models import CatalogModel

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("path", ["/v1/generation/defaults", "/v1/generation/defaults/"])
async def test_defaults_are_those_of_the_default_model(
    client: AsyncClient, model: CatalogModel, path: str
) -> None:
    reply = (await client.get(path)).json()
    assert (reply["model"], reply["steps"], reply["guidanceScale"]) == ("sd/demo", 20, 5.0)
    assert (reply["width"], reply["height"]) == (256, 256)
    assert reply["schedulers"] == list(SAMPLERS)
    assert reply["limits"]["maxSteps"] == 150


async def test_the_limits_are_those_of_the_default_model(
    client: AsyncClient, model: CatalogModel
) -> None:
    model.limits = {"max_steps": 7, "max_side": 512, "max_images": 2}
    await model.asave()
    limits = (await client.get("/v1/generation/defaults")).json()["limits"]
    assert (limits["maxSteps"], limits["maxSide"], limits["maxImages"]) == (7, 512, 2)
    assert limits["maxMegapixelSteps"] == 4000


async def test_without_a_model_the_settings_speak(client: AsyncClient) -> None:
    reply = (await client.get("/v1/generation/defaults")).json()
    assert (reply["model"], reply["steps"], reply["width"]) == (None, 25, None)


async def test_every_scheduler_is_listed_with_its_aliases(client: AsyncClient) -> None:
    reply = (await client.get("/v1/schedulers")).json()
    assert [row["id"] for row in reply["data"]] == list(SAMPLERS)
    assert reply["default"] in SAMPLERS
