from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry
from modelhub import catalog, home
from modelhub.models import Alias, CatalogModel
from modelhub.scanning import scan
from tests.admin_pages import administrator, assert_fits_policy, queries_of
from tests.modelhub.conftest import MakeModel

MODELS = "/admin/modelhub/catalogmodel/"
ALIASES = "/admin/modelhub/alias/"


@pytest.fixture
def admin(db: None) -> Client:
    return administrator()


def installed(name: str, **changes: Any) -> CatalogModel:
    usual = {"path": name, "layout": "diffusers", "family": "sd1", "native_resolution": 512}
    return CatalogModel.objects.create(public_id=f"sd/{name}", **(usual | changes))


def act(client: Client, action: str, *models: CatalogModel) -> None:
    chosen = [model.pk for model in models]
    client.post(MODELS, {"action": action, "_selected_action": chosen, "post": "yes"})


def test_pages_fit_the_policy(admin: Client) -> None:
    model = installed("one")
    assert_fits_policy(admin, MODELS)
    assert_fits_policy(admin, f"{MODELS}{model.pk}/change/")


def test_list_costs_the_same_for_many(admin: Client) -> None:
    costs = []
    for size in range(2):
        for index in range(5):
            installed(f"model{size}{index}")
        costs.append(queries_of(admin, MODELS))
    assert costs[0] == costs[1]


def test_model_switched_off_is_offered_no_more(admin: Client) -> None:
    model = installed("one")
    act(admin, "disable", model)
    assert catalog.find("sd/one", None) is None
    act(admin, "enable", model)
    assert catalog.find("sd/one", None) == model


def test_defaults_can_be_set_and_identity_cannot(admin: Client) -> None:
    model = installed("one")
    form = form_of(defaults='{"steps": 12}', public_id="sd/other")
    assert admin.post(f"{MODELS}{model.pk}/change/", form).status_code == 302
    model.refresh_from_db()
    assert (model.public_id, model.defaults) == ("sd/one", {"steps": 12})


def test_models_are_not_made_by_hand(admin: Client) -> None:
    assert admin.get(f"{MODELS}add/").status_code == 403


def form_of(**changes: Any) -> dict[str, Any]:
    usual = {"enabled": "on", "visibility": "everyone", "defaults": "{}", "limits": "{}"}
    return usual | changes


def test_what_is_set_is_judged_as_everywhere(admin: Client) -> None:
    model = installed("one", defaults={"steps": 5, "width": 512})
    page = f"{MODELS}{model.pk}/change/"
    for wrong in ({"defaults": '{"steps": 999}'}, {"limits": '{"unheard_of": 1}'},
                  {"defaults": '{"steps": 9}', "limits": '{"max_steps": 3}'},
                  {"visibility": "nobody"}, {"defaults": "[1]"}):  # fmt: skip
        assert admin.post(page, form_of(**wrong)).status_code == 200
    model.refresh_from_db()
    assert model.defaults == {"steps": 5, "width": 512}
    form = form_of(defaults='{"steps": 9}', visibility="staff", is_default="on")
    assert admin.post(page, form).status_code == 302
    model.refresh_from_db()
    assert (model.defaults, model.visibility, model.is_default) == ({"steps": 9}, "staff", True)
    assert AuditEntry.objects.get(action="model_changed").actor_name == "root"


def test_actions_do_what_the_pages_do(admin: Client) -> None:
    first, second = installed("one"), installed("two")
    act(admin, "make_default", first, second)
    assert not CatalogModel.objects.filter(is_default=True).exists()
    act(admin, "make_default", second)
    assert catalog.default(None) == second
    act(admin, "for_staff", first, second)
    assert set(CatalogModel.objects.values_list("visibility", flat=True)) == {"staff"}
    act(admin, "for_everybody", first)
    act(admin, "unload", first)
    assert AuditEntry.objects.filter(action="model_changed").count() == 5


def test_a_model_is_deleted_with_its_files(
    admin: Client, models_dir: Path, make_model: MakeModel
) -> None:
    make_model("one")
    make_model("two")
    scan()
    act(admin, "delete_selected", CatalogModel.objects.get(public_id="sd/one"))
    two = CatalogModel.objects.get(public_id="sd/two")
    admin.post(f"{MODELS}{two.pk}/delete/", {"post": "yes"})
    assert not CatalogModel.objects.exists()
    assert {path.name for path in models_dir.iterdir()} == {".trash", home.FILE}
    assert AuditEntry.objects.filter(action="model_deleted").count() == 2


def test_aliases_are_made_moved_and_removed(admin: Client) -> None:
    first, second = installed("one"), installed("two")
    assert_fits_policy(admin, f"{ALIASES}add/")
    admin.post(f"{ALIASES}add/", {"name": "mine", "model": first.pk})
    alias = Alias.objects.get()
    assert (alias.name, alias.model) == ("mine", first)
    admin.post(f"{ALIASES}{alias.pk}/change/", {"name": "other", "model": second.pk})
    alias.refresh_from_db()
    assert (alias.name, alias.model) == ("mine", second)
    for name in ("sd/x", "one", "refresh"):
        reply = admin.post(f"{ALIASES}add/", {"name": name, "model": first.pk})
        assert reply.status_code == 200
    admin.post(f"{ALIASES}{alias.pk}/delete/", {"post": "yes"})
    assert not Alias.objects.exists()
    assert AuditEntry.objects.filter(action="model_changed").count() == 3


def test_list_of_aliases_costs_the_same_for_many(admin: Client) -> None:
    costs = []
    for size in range(2):
        for index in range(5):
            Alias.objects.create(name=f"a{size}{index}", model=installed(f"m{size}{index}"))
        costs.append(queries_of(admin, ALIASES))
    assert costs[0] == costs[1]
