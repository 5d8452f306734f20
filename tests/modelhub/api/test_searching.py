"""Searching both catalogues over the API, in their good and their bad hours."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import keys
from accounts.models import User
from modelhub.models import CatalogModel, Found, Search
from tests.hub.catalogues import BAD, EVIL, Catalogues, item
from tests.modelhub.programs import Staff

pytestmark = pytest.mark.django_db


def test_an_empty_query_browses_the_popular(program: Staff, catalogues: Catalogues) -> None:
    told = program.search(query="", limit=3)
    assert [each["id"] for each in told["data"]] == ["4000", "4001", "4002"]
    assert (told["object"], told["page"], told["hasMore"]) == ("list", 1, True)
    assert (told["offline"], told["note"]) == (False, None)
    asked = catalogues.searches()[0]
    assert (asked.one("sort"), asked.one("query")) == ("Most Downloaded", "")


def test_a_find_has_the_shape_of_the_contract(program: Staff, catalogues: Catalogues) -> None:
    CatalogModel.objects.create(
        public_id="sd/mine", path="mine.safetensors", layout="single_file", family="sd1",
        native_resolution=512, sha256="0" * 64,
    )  # fmt: skip
    found = program.search(limit=1)["data"][0]
    assert found["source"] == "civitai"
    assert found["name"] == "DreamShaper 0"
    assert (found["type"], found["baseModel"], found["author"]) == (
        "Checkpoint",
        "SD 1.5",
        "maker0",
    )
    assert found["description"] == "A model for calm pictures.\nSteps: 0\nSee here"
    assert (found["downloads"], found["rating"], found["nsfw"]) == (900_000, 4.5, False)
    assert found["tags"] == ["landscape", "painting", "dreamshaper"]
    assert [v["gated"] for v in found["versions"]] == [True, False, False]
    weights, training = found["versions"][0]["files"]
    assert weights == {
        "id": "30",
        "name": "dreamshaper_0_v3.safetensors",
        "sizeBytes": 2132625894,
        "format": "safetensors",
        "sha256": "0" * 64,
        "downloadable": True,
        "installed": "sd/mine",
    }
    assert training["downloadable"] is False
    assert found["previewUrl"].startswith("/v1/models/search/previews/")
    assert found["url"] == f"{catalogues.url}/models/4000"


def test_a_repository_has_the_same_shape(program: Staff, catalogues: Catalogues) -> None:
    whole, lora, _ = program.search("huggingface", limit=3, nsfw=True)["data"]
    assert (whole["id"], whole["type"]) == ("maker0/dreamshaper-0", "Checkpoint")
    assert whole["versions"][0]["files"] == [
        {"id": "", "name": "all files", "sizeBytes": None, "format": "diffusers", "sha256": None,
         "downloadable": True, "installed": None}
    ]  # fmt: skip
    assert lora["type"] == "LORA"
    assert lora["baseModel"] == "stabilityai/stable-diffusion-xl-base-1.0"
    assert lora["versions"][0]["files"][0]["downloadable"] is True
    assert len(whole["versions"][0]["id"]) == 40
    asked = catalogues.searches()[0]
    assert (asked.one("pipeline_tag"), asked.one("full")) == ("text-to-image", "true")


def test_pickles_are_shown_and_not_offered(program: Staff, catalogues: Catalogues) -> None:
    pickled = program.search("huggingface", query="juggernaut-26")["data"][0]["versions"][0][
        "files"
    ]
    assert {file["name"].rpartition(".")[2]: file["downloadable"] for file in pickled} == {
        "ckpt": False,
        "safetensors": True,
    }
    inversion = program.search(query="Juggernaut 2")["data"][0]
    assert [f["downloadable"] for v in inversion["versions"] for f in v["files"]] == [False] * 6


@pytest.mark.parametrize("source", ["civitai", "huggingface"])
def test_pages_follow_each_other_without_overlap(
    program: Staff, catalogues: Catalogues, source: str
) -> None:
    pages = [program.search(source, limit=10, page=page, nsfw=True) for page in (1, 2, 3)]
    ids = [each["id"] for page in pages for each in page["data"]]
    assert len(ids) == len(set(ids)) == 30
    assert pages[2]["hasMore"] is (source == "civitai")
    assert len(catalogues.searches()) == 3


def test_a_query_is_paged_by_cursor(program: Staff, catalogues: Catalogues) -> None:
    first, second = (program.names(query="moss", limit=2, page=page) for page in (1, 2))
    assert (first, second) == (
        ["Moss Style 17", "Moss Style 29"],
        ["Moss Style 41", "Moss Style 53"],
    )
    assert catalogues.searches()[1].one("cursor") == "2"


def test_a_page_that_was_not_reached_is_walked_to(program: Staff, catalogues: Catalogues) -> None:
    assert program.names(limit=5, page=3)
    assert [each.one("cursor") for each in catalogues.searches()] == ["", "5", "10"]


def test_pages_go_on_also_where_no_answer_is_used_again(
    program: Staff, catalogues: Catalogues, settings: Settings
) -> None:
    settings.ALICE_SEARCH_CACHE_HOURS = 0
    pages = [program.names(limit=5, page=page) for page in range(1, 9)]
    assert len({name for page in pages for name in page}) == 40
    assert len(catalogues.searches()) == 8


def test_a_page_far_away_is_refused_by_name(program: Staff, catalogues: Catalogues) -> None:
    assert program.search(limit=5, page=50, status=400)["error"]["param"] == "page"
    assert catalogues.searches() == []


def test_past_the_end_is_an_empty_page(program: Staff, catalogues: Catalogues) -> None:
    told = program.search(query="moss", limit=100, page=2)
    assert (told["data"], told["hasMore"]) == ([], False)


def test_types_narrow_the_search(program: Staff, catalogues: Catalogues) -> None:
    found = program.search(types=["LORA", "LoCon"], limit=100)["data"]
    assert {each["type"] for each in found} == {"LORA", "LoCon"}
    assert catalogues.searches()[0].params["types"] == ["LORA", "LoCon"]


@pytest.mark.parametrize(
    ("source", "name"), [("civitai", "Bare Skin 5"), ("huggingface", "juggernaut-2")]
)
def test_what_is_for_adults_is_shown_when_asked_for(
    program: Staff, catalogues: Catalogues, source: str, name: str
) -> None:
    assert name not in program.names(source, limit=100)
    assert name in program.names(source, limit=100, nsfw=True)


def test_what_has_only_pictures_for_adults_is_for_adults(
    program: Staff, catalogues: Catalogues
) -> None:
    images = catalogues.items[0]["modelVersions"]
    for version in images:
        version["images"] = version["images"][:1]
    assert "DreamShaper 0" not in program.names(limit=3)
    shown = program.search(limit=3, nsfw=True)["data"][0]
    assert (shown["nsfw"], shown["previewUrl"][-10:]) == (True, "?nsfw=true")


def test_markup_is_text_and_nothing_is_executed(program: Staff, catalogues: Catalogues) -> None:
    found = next(f for f in program.search(limit=10)["data"] if f["id"] == "4003")
    assert found["name"] == EVIL
    assert "alert" not in found["description"]
    assert "<" not in found["description"]


def test_a_fresh_answer_is_used_again(program: Staff, catalogues: Catalogues) -> None:
    assert program.names(query="Moss") == program.names(query="moss")
    assert len(catalogues.searches()) == 1


def test_an_old_answer_is_asked_for_again(
    program: Staff, catalogues: Catalogues, settings: Settings
) -> None:
    program.names(query="moss")
    Search.objects.update(fetched_at=timezone.now() - timedelta(hours=7))
    program.names(query="moss")
    settings.ALICE_SEARCH_CACHE_HOURS = 0
    program.names(query="moss")
    assert len(catalogues.searches()) == 3


@pytest.mark.parametrize("mood", [*BAD, "gone"])
def test_an_old_answer_serves_while_the_catalogue_is_away(
    program: Staff, catalogues: Catalogues, mood: str
) -> None:
    before = program.names(query="moss")
    Search.objects.update(fetched_at=timezone.now() - timedelta(days=7))
    catalogues.mood = mood
    told = program.search(query="moss")
    assert [each["name"] for each in told["data"]] == before
    assert told["offline"] is True
    assert "This is its answer of" in told["note"]


CODES = {
    "limited": "catalogue_rate_limited", "refused": "catalogue_refused",
    "broken": "catalogue_unavailable", "html": "catalogue_unavailable",
    "garbage": "catalogue_unavailable", "shape": "catalogue_unavailable",
    "gone": "catalogue_unavailable",
}  # fmt: skip


@pytest.mark.parametrize("mood", CODES)
@pytest.mark.parametrize("source", ["civitai", "huggingface"])
def test_with_nothing_known_the_trouble_has_a_name(
    program: Staff, catalogues: Catalogues, mood: str, source: str
) -> None:
    catalogues.mood = mood
    reply = program.post(f"/v1/models/search/{source}", {"query": "x"}, "application/json")
    assert reply.status_code == 503
    assert reply.json()["error"]["code"] == CODES[mood]
    assert 1 <= int(reply["Retry-After"]) <= 60


def test_a_slow_catalogue_is_given_up(
    program: Staff, catalogues: Catalogues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelhub.searching.catalogues.SECONDS", 0.3)
    catalogues.mood = "slow"
    assert program.search(query="x", status=503)["error"]["code"] == "catalogue_unavailable"


def test_who_asks_for_silence_is_left_alone(program: Staff, catalogues: Catalogues) -> None:
    catalogues.mood = "limited"
    program.search(query="x", status=503)
    catalogues.mood = "well"
    assert program.search(query="x", status=503)["error"]["code"] == "catalogue_rate_limited"
    assert len(catalogues.searches()) == 1


def test_another_question_is_answered_from_earlier_finds(
    program: Staff, catalogues: Catalogues
) -> None:
    program.search(limit=100)
    catalogues.mood = "gone"
    told = program.search(query="MOSS style", limit=2)
    assert [each["name"] for each in told["data"]] == ["Moss Style 17", "Moss Style 29"]
    assert (told["offline"], told["hasMore"]) == (True, True)
    assert "cannot be asked" in told["note"]


def test_offline_asks_nobody(program: Staff, catalogues: Catalogues) -> None:
    program.search(limit=100)
    program.search("huggingface", limit=100)
    catalogues.asked.clear()
    assert len(program.names(query="maker1 painting", offline=True)) > 3
    assert program.names(query="paper landscape", offline=True, types=["LORA"]) == []
    assert program.names("huggingface", query="stabilityai", offline=True, limit=1) == [
        "realistic-vision-1"
    ]
    assert catalogues.asked == []


def test_a_find_is_one_row_however_often_it_is_found(
    program: Staff, catalogues: Catalogues
) -> None:
    program.search(query="moss")
    catalogues.items[17]["name"] = "Moss Style, renamed"
    program.search(query="style")
    assert Found.objects.get(external_id="4017").name == "Moss Style, renamed"


def test_a_token_goes_to_its_catalogue(
    program: Staff, catalogues: Catalogues, settings: Settings
) -> None:
    settings.ALICE_CIVITAI_TOKEN = "tell-nobody"
    program.search(limit=1)
    program.search("huggingface", limit=1)
    first, second = catalogues.searches()
    assert first.headers["authorization"] == "Bearer tell-nobody"
    assert "authorization" not in second.headers


HUGE: dict[str, Any] = {
    "name": "n" * 10**5, "description": "<p>" * 10**4 + "d" * 10**6, "tags": ["t" * 10**4] * 100,
    "creator": {"username": "a" * 10**5}, "stats": {"downloadCount": 10**400},
}  # fmt: skip
ODD: dict[str, Any] = {
    "name": "a\x00b\u202ec\ud800d\x1b[31m", "description": 7, "tags": "none", "creator": None,
    "stats": [], "type": ["LORA"], "nsfw": "yes",
}  # fmt: skip


def test_oversized_fields_are_cut(program: Staff, catalogues: Catalogues) -> None:
    catalogues.items = [item(0, catalogues.url, **HUGE)]
    catalogues.items[0]["modelVersions"] *= 50
    found = program.search()["data"][0]
    assert (len(found["name"]), len(found["author"])) == (255, 255)
    assert len(found["description"]) <= 4000
    assert (len(found["tags"]), len(found["versions"]), found["downloads"]) == (1, 20, 0)


def test_odd_fields_become_nothing(program: Staff, catalogues: Catalogues) -> None:
    strange = [item(1, catalogues.url, modelVersions=v) for v in (None, [], [None], "x")]
    catalogues.items = [item(0, catalogues.url, **ODD), *strange]
    catalogues.civitai = lambda _: (200, {}, {"items": [None, 3, *catalogues.items]})  # type: ignore[method-assign, assignment]
    try:
        found = program.search()["data"]
    finally:
        del catalogues.civitai
    assert len(found) == 1
    assert found[0]["name"] == "a b c d [31m"
    assert (found[0]["type"], found[0]["tags"], found[0]["author"]) == ("Other", [], "")


@pytest.mark.parametrize(
    "body",
    [
        {"query": 7}, {"query": "x" * 201}, {"limit": 0}, {"limit": 101}, {"limit": "5"},
        {"page": 0}, {"page": 101}, {"types": "LORA"}, {"types": ["Pickle"]}, {"nsfw": "true"},
        {"query": "a\x00b"}, {"sort": "Newest"}, {"offline": 1}, {"types": [["LORA"]]},
    ],
)  # fmt: skip
def test_a_bad_question_is_refused(
    program: Staff, catalogues: Catalogues, body: dict[str, Any]
) -> None:
    assert program.search(**body, status=400)["error"]["param"]
    assert catalogues.asked == []


def test_only_json_objects_are_questions(program: Staff, catalogues: Catalogues) -> None:
    path = "/v1/models/search/civitai"
    assert program.post(path, "{", "application/json").status_code == 400
    assert program.post(path, "[]", "application/json").status_code == 400
    assert program.post(path, "query=x", "text/plain").status_code == 415


def test_only_staff_search(
    client: Client, alice: User, staff: User, catalogues: Catalogues
) -> None:
    path = "/v1/models/search/civitai"
    body: tuple[dict[str, Any], str] = ({}, "application/json")
    assert client.post(path, *body).status_code == 401
    client.force_login(alice)
    assert client.post(path, *body).status_code == 403
    client.force_login(staff)
    assert client.post(path, *body).status_code == 200
    secret = keys.mint(staff, "other", ["admin", "generate", "read"])[1]
    assert Client(headers={"X-Api-Key": secret}).post(path, *body).status_code == 403
