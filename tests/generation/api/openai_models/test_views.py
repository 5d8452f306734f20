"""GET /v1/models and what lies under it."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from generation import worker_status
from modelhub.models import CatalogModel

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/", "/models", "/models/"])
async def test_the_default_model_is_listed_first(
    client: AsyncClient, model: CatalogModel, settings: Any, path: str
) -> None:
    await CatalogModel.objects.acreate(
        public_id="sd/aaa", path="aaa", layout="diffusers", family="sd1", native_resolution=512
    )
    settings.ALICE_DEFAULT_MODEL = "demo"
    reply = (await client.get(path)).json()
    assert reply["object"] == "list"
    assert [item["id"] for item in reply["data"]] == ["sd/demo", "sd/aaa"]
    assert reply["data"][0] == {
        "id": "sd/demo", "object": "model", "created": 1767355200,
        "owned_by": "alice", "ownedBy": "alice", "type": "image",
    }  # fmt: skip


async def test_no_model_is_an_empty_list(client: AsyncClient) -> None:
    assert (await client.get("/v1/models")).json() == {"object": "list", "data": []}


@pytest.mark.parametrize("name", ["demo", "sd/demo", "sd%2Fdemo", "sd/demo/"])
async def test_a_model_is_found_by_every_spelling_of_its_name(
    client: AsyncClient, model: CatalogModel, name: str
) -> None:
    assert (await client.get(f"/v1/models/{name}")).json()["id"] == "sd/demo"


@pytest.mark.parametrize("name", ["sd/other", "gpt-4o", "a/b/c", "%00", "x" * 3000])
async def test_an_unknown_model_is_a_404(
    client: AsyncClient, model: CatalogModel, name: str
) -> None:
    response = await client.get(f"/v1/models/{name}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("name", ["search/x", "download/x", "cache/y", "loras"])
async def test_reserved_names_are_no_models(client: AsyncClient, name: str) -> None:
    response = await client.get(f"/v1/models/{name}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "unknown_url")


@pytest.mark.parametrize("name", ["demo", "sd/demo", "sd%2Fdemo"])
async def test_info_says_what_the_model_is_good_at(
    client: AsyncClient, model: CatalogModel, name: str
) -> None:
    info = (await client.get(f"/v1/models/{name}/info")).json()
    assert (info["id"], info["family"], info["nativeResolution"]) == ("sd/demo", "sd-custom", 256)
    assert info["recommendedResolutions"][0] == {"label": "Square", "width": 256, "height": 256}
    assert info["defaults"]["steps"] == 20
    assert info["loaded"] is False


async def test_a_model_is_loaded_while_a_worker_holds_it(
    client: AsyncClient, model: CatalogModel
) -> None:
    facts = worker_status.Facts(device="cpu", backend="mock", models_loaded=["sd/demo"])
    await sync_to_async(worker_status.record)("w", facts)
    assert (await client.get("/v1/models/demo/info")).json()["loaded"] is True


async def test_models_are_for_callers_with_a_key(model: CatalogModel) -> None:
    assert (await AsyncClient().get("/v1/models")).status_code == 401


async def test_writing_to_a_model_is_not_allowed(client: AsyncClient, model: CatalogModel) -> None:
    response = await client.put("/v1/models/demo", {}, content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (405, "method_not_allowed")
