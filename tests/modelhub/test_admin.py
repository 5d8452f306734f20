from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry
from modelhub import catalog
from modelhub.models import CatalogModel
from tests.admin_pages import administrator, assert_fits_policy, queries_of

MODELS = "/admin/modelhub/catalogmodel/"


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
    form = {"enabled": "on", "defaults": '{"steps": 12}', "public_id": "sd/other"}
    assert admin.post(f"{MODELS}{model.pk}/change/", form).status_code == 302
    model.refresh_from_db()
    assert (model.public_id, model.defaults) == ("sd/one", {"steps": 12})


def test_only_a_missing_model_is_deleted(admin: Client) -> None:
    ready, missing = installed("here"), installed("gone", state="missing")
    assert admin.post(f"{MODELS}{ready.pk}/delete/", {"post": "yes"}).status_code == 403
    act(admin, "delete_selected", ready)
    act(admin, "delete_selected", missing)
    assert list(CatalogModel.objects.all()) == [ready]


def test_models_are_not_made_by_hand(admin: Client) -> None:
    assert admin.get(f"{MODELS}add/").status_code == 403


def test_what_is_changed_is_in_the_audit_log(admin: Client) -> None:
    model, gone = installed("one"), installed("gone", state="missing")
    act(admin, "disable", model)
    act(admin, "disable", model)
    admin.post(f"{MODELS}{model.pk}/change/", {"defaults": '{"steps": 12}'})
    act(admin, "delete_selected", gone)
    entries = AuditEntry.objects.filter(action="model_changed").order_by("pk")
    assert [(e.detail["model"], e.detail["what"], e.actor_name) for e in entries] == [
        ("sd/one", "switched off", "root"),
        ("sd/one", "changed", "root"),
        ("sd/gone", "forgot", "root"),
    ]
    assert entries[1].detail["defaults"] == {"steps": 12}
