"""The catalogue over HTTP: what staff change, what everybody reads, what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import keys, witness
from accounts.models import AuditEntry, User
from generation import worker_status
from generation.models import Unload, WorkerStatus
from modelhub import catalog
from modelhub.models import CatalogModel
from tests.modelhub.conftest import MakeModel
from tests.modelhub.test_admin import installed

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]


def client_of(user: User, *scopes: str) -> Client:
    secret = keys.mint(user, "key", list(scopes))[1]
    return Client(headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture
def boss(staff: User) -> Client:
    return client_of(staff, "generate", "models")


@pytest.fixture
def painter(alice: User) -> Client:
    return client_of(alice, "generate")


def patch(client: Client, name: str, body: Any) -> HttpResponse:
    return client.patch(f"/v1/models/{name}", json.dumps(body), "application/json")  # type: ignore[return-value]


def post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(path, json.dumps(body or {}), "application/json")


def code(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]


class TestInfo:
    def test_everybody_reads_what_the_model_is(self, painter: Client) -> None:
        installed("one", variant="turbo", trigger_words=["fog"], memory_bytes=7, detail="secret")
        info = painter.get("/v1/models/one/info").json()
        assert (info["id"], info["kind"], info["variant"]) == ("sd/one", "checkpoint", "turbo")
        assert (info["state"], info["visibility"], info["triggerWords"]) == (
            "ready",
            "everyone",
            ["fog"],
        )
        assert info["limits"]["maxSteps"] == 150
        assert info["memoryBytes"] == 7
        assert len(info["recommendedResolutions"]) == 7
        assert not {"path", "detail", "metadata", "sidecarProblem", "set"} & info.keys()

    def test_staff_read_more(self, boss: Client) -> None:
        original = installed("one")
        installed("two", duplicate_of=original, sidecar_problem="steps must be a number",
                  defaults={"guidance_scale": 3.0})  # fmt: skip
        info = boss.get("/v1/models/two/info").json()
        assert info["duplicateOf"] == "sd/one"
        assert info["sidecarProblem"] == "steps must be a number"
        assert info["set"] == {"defaults": {"guidanceScale": 3.0}, "limits": {}}
        assert info["defaults"]["guidanceScale"] == 3.0

    @pytest.mark.parametrize("facts", [{"kind": "lora"}, {"family": ""}])
    def test_what_draws_nothing_has_no_sizes(self, boss: Client, facts: dict[str, str]) -> None:
        model = installed("x", **facts)
        info = boss.get(f"/v1/models/{model.public_id}/info").json()
        assert (info["recommendedResolutions"], info["defaults"]) == ([], {})

    def test_costs_the_same_for_many(self, boss: Client) -> None:
        costs = []
        for round_ in range(2):
            for index in range(4):
                installed(f"m{round_}{index}")
            boss.get("/v1/models/m00/info")
            with CaptureQueriesContext(
                connection,
            ) as queries:
                boss.get("/v1/models?kind=all")
                boss.get("/v1/models/m00/info")
            costs.append(len(queries))
        assert costs[0] == costs[1]

    @pytest.mark.parametrize("facts", [{"enabled": False}, {"visibility": "staff"}])
    def test_hidden_models_are_nowhere(
        self, painter: Client, boss: Client, facts: dict[str, Any]
    ) -> None:
        installed("one", **facts)
        for path in ("/v1/models/one", "/v1/models/one/info"):
            assert code(painter.get(path)) == (404, "model_not_found")
        assert painter.get("/v1/models").json()["data"] == []
        assert painter.get("/v1/models?kind=all").json()["data"] == []
        job = post(painter, "/v1/jobs", {"prompt": "x", "model": "one"})
        assert code(job) == (404, "model_not_found")
        assert boss.get("/v1/models/one/info").status_code == 200

    def test_hidden_models_are_nowhere_in_the_other_dialects(self, painter: Client) -> None:
        installed("one", visibility="staff")
        chat = {"model": "sd/one", "messages": [{"role": "user", "content": "a lake"}]}
        for path, body in {
            "/v1/chat/completions": chat,
            "/v1/images/generations": {"model": "sd/one", "prompt": "a lake"},
            "/v1/estimate": {"model": "sd/one", "prompt": "a lake"},
        }.items():
            assert code(post(painter, path, body)) == (404, "model_not_found")


class TestChanging:
    def test_staff_change_and_read_the_result(self, boss: Client) -> None:
        installed("one")
        reply = patch(boss, "one", {
            "visibility": "staff", "isDefault": True,
            "defaults": {"steps": 12, "scheduler": "Euler a"}, "limits": {"maxSteps": 20},
        })  # fmt: skip
        info = json.loads(reply.content)
        assert (info["visibility"], info["isDefault"]) == ("staff", True)
        assert (info["defaults"]["steps"], info["defaults"]["scheduler"]) == (12, "euler_a")
        assert info["limits"]["maxSteps"] == 20
        assert info["set"]["limits"] == {"maxSteps": 20}
        assert AuditEntry.objects.get(action="model_changed").actor_name == "carol"

    def test_what_is_beyond_the_model_s_limit_names_it(self, boss: Client) -> None:
        installed("one", limits={"max_steps": 20})
        reply = post(boss, "/v1/jobs", {"prompt": "x", "num_inference_steps": 21})
        assert reply.status_code == 400
        assert "1 to 20 for sd/one" in reply.json()["error"]["message"]

    @pytest.mark.parametrize(
        "body",
        [
            {}, [], {"public_id": "x"}, {"state": "ready"}, {"path": "/etc"}, {"enabled": "yes"},
            {"enabled": 1}, {"enabled": None}, {"visibility": "nobody"}, {"defaults": {"x": 1}},
            {"defaults": []}, {"defaults": {"steps": 10**30}}, {"limits": {"maxImages": 11}},
            {"isDefault": "true"}, {"limits": None},
        ],
    )  # fmt: skip
    def test_nonsense_is_refused(self, boss: Client, body: Any) -> None:
        model = installed("one")
        assert patch(boss, "one", body).status_code == 400
        model.refresh_from_db()
        assert (model.enabled, model.defaults, model.limits) == (True, {}, {})

    def test_who_is_not_staff_changes_nothing(self, painter: Client, staff: User) -> None:
        installed("one")
        for client in (painter, client_of(staff, "generate"), client_of(staff, "admin")):
            assert patch(client, "one", {"enabled": False}).status_code == 403
            assert client.delete("/v1/models/one").status_code == 403
            assert post(client, "/v1/models/one/unload").status_code == 403
            assert post(client, "/v1/models/refresh").status_code == 403
            assert client.get("/v1/models/aliases").status_code == 403
        assert CatalogModel.objects.get().enabled

    def test_of_the_unknown_nothing_changes(self, boss: Client) -> None:
        assert code(patch(boss, "none", {"enabled": False})) == (404, "model_not_found")
        assert code(boss.delete("/v1/models/none")) == (404, "model_not_found")


class TestDeleting:
    def test_a_model_goes_and_is_answered_as_openai_does(
        self, boss: Client, make_model: MakeModel, models_dir: Path
    ) -> None:
        make_model("one")
        post(boss, "/v1/models/refresh")
        reply = boss.delete("/v1/models/sd%2Fone")
        assert (reply.status_code, reply.json()) == (
            200, {"id": "sd/one", "object": "model", "deleted": True},
        )  # fmt: skip
        assert not (models_dir / "one").exists()

    @pytest.mark.parametrize("path", ["/v1/models/sd/one", "/v1/loras/one"])
    def test_what_cannot_go_yet_says_why(
        self, boss: Client, make_model: MakeModel, models_dir: Path, path: str
    ) -> None:
        make_model("one")
        post(boss, "/v1/models/refresh")
        if "loras" in path:
            CatalogModel.objects.update(kind="lora", public_id="lora/one")
        (models_dir / ".trash").write_text("in the way")
        reply = boss.delete(path)
        assert (reply.status_code, reply.json()["state"]) == (202, "deleting")
        assert "its files cannot be deleted" in reply.json()["detail"]

    def test_an_old_session_must_prove_itself_first(self, staff: User) -> None:
        installed("one")
        browser = Client()
        browser.force_login(staff)
        session = browser.session
        session[witness.PROVED_AT] = 0
        session.save()
        assert code(browser.delete("/v1/models/one")) == (403, "confirmation_required")
        assert CatalogModel.objects.exists()

    @pytest.mark.parametrize(
        "name", ["../one", "sd/../one", "SD/one", "ONE", "one%00", "one/../../x", "x" * 5000]
    )
    def test_only_the_very_name_deletes(self, boss: Client, name: str) -> None:
        installed("one")
        assert boss.delete(f"/v1/models/{name}").status_code == 404
        assert CatalogModel.objects.exists()


class TestUnloading:
    def test_the_workers_that_hold_it_are_asked(self, boss: Client) -> None:
        installed("one")
        assert post(boss, "/v1/models/one/unload").status_code == 200
        WorkerStatus.objects.create(
            worker="w", host="h", models_loaded=["sd/one"], updated_at=Now()
        )
        for _ in range(2):
            reply = post(boss, "/v1/models/one/unload")
            assert (reply.status_code, reply.json()) == (202, {"id": "sd/one", "unloading": 1})
        assert Unload.objects.count() == 1
        assert boss.get("/v1/models/one/info").json()["loadedBy"] == 1
        worker_status.gone("w")


class TestAliases:
    def test_are_made_listed_used_and_removed(self, boss: Client, painter: Client) -> None:
        installed("one")
        installed("two")
        made = post(boss, "/v1/models/aliases", {"name": "dall-e-3", "model": "two"})
        assert (made.status_code, made.json()["model"]) == (201, "sd/two")
        listed = boss.get("/v1/models/aliases").json()["data"]
        assert [(row["name"], row["model"]) for row in listed] == [("dall-e-3", "sd/two")]
        assert painter.get("/v1/models/dall-e-3").json()["id"] == "sd/two"
        assert [row["id"] for row in painter.get("/v1/models").json()["data"]] == [
            "sd/one",
            "sd/two",
        ]
        drawn = post(painter, "/v1/jobs", {"prompt": "x", "model": "dall-e-3"})
        assert catalog.default(None) == CatalogModel.objects.get(public_id="sd/one")
        job = painter.get(f"/v1/jobs/{drawn.json()['id']}").json()
        assert job["effective"]["model"] == "sd/two"
        assert boss.delete("/v1/models/aliases/dall-e-3").status_code == 200
        assert boss.delete("/v1/models/aliases/dall-e-3").status_code == 404

    def test_an_alias_whose_model_is_away_is_no_default(
        self, boss: Client, painter: Client
    ) -> None:
        installed("one")
        installed("two")
        post(boss, "/v1/models/aliases", {"name": "dall-e-3", "model": "two"})
        CatalogModel.objects.filter(public_id="sd/two").update(state="missing")
        reply = post(painter, "/v1/jobs", {"prompt": "x", "model": "dall-e-3"})
        assert code(reply) == (404, "model_not_found")
        assert "its files are missing" in reply.json()["error"]["message"]

    @pytest.mark.parametrize(
        "body",
        [{}, {"name": "x"}, {"model": "one"}, {"name": 7, "model": "one"},
         {"name": "x", "model": "one", "id": 3}, {"name": "sd/x", "model": "one"}],
    )  # fmt: skip
    def test_nonsense_is_refused(self, boss: Client, body: dict[str, Any]) -> None:
        installed("one")
        assert post(boss, "/v1/models/aliases", body).status_code == 400


class TestAdditions:
    def test_loras_and_embeddings_are_listed_apart(self, painter: Client) -> None:
        for kind, prefix in {"lora": "lora", "lycoris": "lora", "embedding": "embedding"}.items():
            CatalogModel.objects.create(
                public_id=f"{prefix}/{kind}", path=kind, layout="single_file", kind=kind,
                family="sdxl", native_resolution=0, size_bytes=3 << 20, trigger_words=["fog"],
            )  # fmt: skip
        loras = painter.get("/v1/loras").json()
        assert loras["object"] == "list"
        assert [row["id"] for row in loras["data"]] == ["lora/lora", "lora/lycoris"]
        first = loras["data"][0]
        assert (first["name"], first["sizeMb"], first["baseModel"]) == ("lora", 3.0, "sdxl")
        assert first["triggerWords"] == ["fog"]
        embeddings = painter.get("/v1/embeddings").json()["data"]
        assert [row["id"] for row in embeddings] == ["embedding/embedding"]
        assert painter.get("/v1/models").json()["data"] == []
        by_kind = painter.get("/v1/models?kind=lora").json()["data"]
        assert [(row["id"], row["type"]) for row in by_kind] == [("lora/lora", "lora")]
        assert painter.get("/v1/models?kind=magic").status_code == 400

    @pytest.mark.parametrize("name", ["fog", "lora/fog"])
    def test_a_lora_is_deleted(self, boss: Client, models_dir: Path, name: str) -> None:
        (models_dir / "fog.safetensors").write_bytes(b"x")
        CatalogModel.objects.create(
            public_id="lora/fog", path="fog.safetensors", layout="single_file", kind="lora",
            native_resolution=0,
        )  # fmt: skip
        assert boss.delete(f"/v1/loras/{name}").json()["deleted"] is True
        assert not (models_dir / "fog.safetensors").exists()

    def test_a_checkpoint_is_no_lora(self, boss: Client) -> None:
        installed("one")
        assert boss.delete("/v1/loras/one").status_code == 404
        assert boss.delete("/v1/embeddings/sd/one").status_code == 404


def test_refreshing_says_what_was_found(boss: Client, make_model: MakeModel) -> None:
    make_model("one")
    told = post(boss, "/v1/models/refresh").json()
    assert (told["success"], told["added"], told["unchanged"]) == (True, 1, 0)
    assert post(boss, "/v1/models/refresh").json()["unchanged"] == 1
    assert AuditEntry.objects.filter(action="models_refreshed", actor_name="carol").count() == 2
