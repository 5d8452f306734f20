"""The pages of models: who sees what, what staff's buttons do, what is refused."""

from typing import Any

import pytest
from django.test import Client

from accounts import witness
from accounts.models import AuditEntry, User
from modelhub.models import Alias, CatalogModel
from tests.admin_pages import queries_of
from tests.modelhub.conftest import MakeModel
from tests.modelhub.test_admin import installed

pytestmark = pytest.mark.django_db
MODELS = "/web/models"


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def boss(staff: User) -> Client:
    return browser(staff)


@pytest.fixture
def reader(alice: User) -> Client:
    return browser(alice)


def text(client: Client, path: str, status: int = 200) -> str:
    reply = client.get(path)
    assert reply.status_code == status
    return reply.content.decode()


@pytest.mark.parametrize(
    "facts", [{"enabled": False}, {"visibility": "staff"}, {"state": "corrupt"}]
)
def test_others_see_what_they_can_use(reader: Client, boss: Client, facts: dict[str, Any]) -> None:
    model = installed("hidden-one", **facts)
    assert "hidden-one" not in text(reader, MODELS)
    text(reader, f"{MODELS}/{model.pk}", 404)
    assert "hidden-one" in text(boss, MODELS)
    assert "hidden-one" in text(boss, f"{MODELS}/{model.pk}")


def test_what_is_staff_s_to_know_is_told_to_staff_alone(reader: Client, boss: Client) -> None:
    model = installed("one", path="where/it/lies", metadata={"a": "b"}, sidecar_problem="odd")
    page = text(reader, f"{MODELS}/{model.pk}")
    assert not [word for word in ("where/it/lies", "odd", "Delete", "Aliases") if word in page]
    assert "where/it/lies" in text(boss, f"{MODELS}/{model.pk}")


def test_nothing_is_said_of_files_that_are_not_so(boss: Client) -> None:
    """A damaged file waits for no digest, and a missing one takes no room."""
    damaged, here = installed("damaged", state="corrupt"), installed("here", size_bytes=10**6)
    gone = installed("gone", state="missing", size_bytes=3 * 10**6)
    assert "not computed yet" in text(boss, f"{MODELS}/{here.pk}")
    assert "not computed yet" not in text(boss, f"{MODELS}/{damaged.pk}")
    assert "nothing; it was 3 MB" in text(boss, f"{MODELS}/{gone.pk}")
    assert "was 3 MB" in text(boss, f"{MODELS}?q=gone")
    assert "was " not in text(boss, f"{MODELS}?q=here").partition("<tbody>")[2]


def test_both_pages_cost_the_same_for_many(boss: Client) -> None:
    costs = []
    one = f"{MODELS}/{installed('first').pk}"
    for size in range(2):
        for index in range(5):
            Alias.objects.create(name=f"a{size}{index}", model=installed(f"m{size}{index}"))
        costs.append([queries_of(boss, MODELS), queries_of(boss, one)])
    assert costs[0] == costs[1]


@pytest.mark.parametrize(("search", "found"), [("fun", True), ("dall", True), ("sdxl", False)])
def test_models_are_found_by_name_and_alias(boss: Client, search: str, *, found: bool) -> None:
    Alias.objects.create(name="dall-e-3", model=installed("funny"))
    installed("other", family="sdxl")
    assert ("funny" in text(boss, f"{MODELS}?q={search}")) is found


def test_models_are_found_by_kind(boss: Client) -> None:
    installed("funny")
    installed("fog", kind="lora")
    page = text(boss, f"{MODELS}?kind=lora")
    assert "fog" in page
    assert "funny" not in page


@pytest.mark.parametrize(
    ("deed", "field", "value"),
    [
        ("disable", "enabled", False), ("for-staff", "visibility", "staff"),
        ("make-default", "is_default", True),
    ],
)  # fmt: skip
def test_a_button_does_its_deed(boss: Client, deed: str, field: str, value: object) -> None:
    model = installed("one")
    reply = boss.post(f"{MODELS}/{model.pk}/{deed}")
    assert (reply.status_code, reply["Location"]) == (302, f"{MODELS}/{model.pk}")
    model.refresh_from_db()
    assert getattr(model, field) == value
    assert boss.post(f"{MODELS}/{model.pk}/{deed}", {"from": "list"})["Location"] == MODELS


def test_values_are_set_taken_away_and_judged(boss: Client) -> None:
    model = installed("one", defaults={"steps": 9})
    path = f"{MODELS}/{model.pk}/values"
    typed = {"defaults.steps": "", "defaults.guidance_scale": "5,5", "limits.max_steps": "40"}
    refused = boss.post(path, typed)
    assert refused.status_code == 400
    assert 'value="5,5"' in refused.content.decode()
    typed |= {"defaults.guidance_scale": "5.5", "defaults.scheduler": "ddim"}
    assert boss.post(path, typed).status_code == 302
    model.refresh_from_db()
    assert model.defaults == {"guidance_scale": 5.5, "scheduler": "ddim"}
    assert model.limits == {"max_steps": 40}


def test_aliases_are_added_refused_and_removed(boss: Client) -> None:
    model = installed("one")
    path = f"{MODELS}/{model.pk}/aliases"
    refused = boss.post(path, {"name": "sd/x"})
    assert refused.status_code == 400
    assert "reserved" in refused.content.decode()
    assert boss.post(path, {"name": "mine"}).status_code == 302
    assert Alias.objects.get().name == "mine"
    assert boss.post(f"{path}/remove", {"name": "other"}).status_code == 404
    assert boss.post(f"{path}/remove", {"name": "mine"}).status_code == 302
    assert not Alias.objects.exists()


def test_deleting_asks_and_wants_a_fresh_proof(
    boss: Client, make_model: MakeModel, models_dir: Any
) -> None:
    make_model("alice-demo")
    boss.post(f"{MODELS}/refresh")
    model = CatalogModel.objects.get()
    path = f"{MODELS}/{model.pk}/delete"
    assert "comes back at the next start" in text(boss, path)
    session = boss.session
    proved, session[witness.PROVED_AT] = session[witness.PROVED_AT], 0
    session.save()
    assert boss.post(path)["Location"].startswith("/web/confirm")
    assert CatalogModel.objects.exists()
    session[witness.PROVED_AT] = proved
    session.save()
    assert boss.post(path)["Location"] == MODELS
    assert not (models_dir / "alice-demo").exists()
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions[-2:] == ["models_refreshed", "model_deleted"]


def test_with_authentication_off_staff_stay_staff(boss: Client, settings: Any, alice: User) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    installed("hidden-one", visibility="staff")
    assert "hidden-one" in text(boss, MODELS)
    assert "hidden-one" not in text(Client(), MODELS)
