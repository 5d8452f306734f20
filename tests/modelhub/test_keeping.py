"""What staff decide about a model is done whole, once, and is in the audit log."""

from functools import partial
from typing import Any

import pytest

from accounts import audit
from accounts.models import AuditEntry
from accounts.problems import Invalid, NotFound
from modelhub import catalog, keeping
from modelhub.models import CatalogModel
from tests.generation.jobs.conftest import at_once
from tests.modelhub.test_admin import installed

SYSTEM = audit.SYSTEM


@pytest.mark.django_db
class TestChanging:
    def test_a_change_is_written_and_remembered(self) -> None:
        model = installed("one")
        keeping.change(model, {"enabled": False, "visibility": "staff"}, SYSTEM)
        model.refresh_from_db()
        assert (model.enabled, model.visibility) == (False, "staff")
        entry = AuditEntry.objects.get(action="model_changed")
        assert entry.detail["model"] == "sd/one"
        assert entry.detail["changes"] == {
            "enabled": [True, False], "visibility": ["everyone", "staff"],
        }  # fmt: skip

    def test_what_stays_as_it_is_leaves_no_trace(self) -> None:
        keeping.change(installed("one"), {"enabled": True}, SYSTEM)
        assert not AuditEntry.objects.exists()

    def test_all_or_nothing(self) -> None:
        model = installed("one")
        with pytest.raises(Invalid):
            keeping.change(model, {"enabled": False, "defaults": {"steps": 999}}, SYSTEM)
        model.refresh_from_db()
        assert (model.enabled, model.defaults) == (True, {})

    def test_a_limit_below_a_default_is_refused(self) -> None:
        model = installed("one", defaults={"steps": 30})
        with pytest.raises(Invalid):
            keeping.change(model, {"limits": {"max_steps": 20}}, SYSTEM)

    def test_the_default_moves(self) -> None:
        first, second = installed("one"), installed("two")
        keeping.change(first, {"is_default": True}, SYSTEM)
        keeping.change(second, {"is_default": True}, SYSTEM)
        assert catalog.default(None) == second
        assert list(CatalogModel.objects.filter(is_default=True)) == [second]

    def test_a_default_switched_off_is_the_default_no_more(self) -> None:
        first, second = installed("one"), installed("two")
        keeping.change(second, {"is_default": True}, SYSTEM)
        keeping.change(second, {"enabled": False}, SYSTEM)
        assert catalog.default(None) == first
        keeping.change(second, {"enabled": True}, SYSTEM)
        assert catalog.default(None) == first

    @pytest.mark.parametrize("facts", [{"state": "corrupt"}, {"kind": "lora"}, {"enabled": False}])
    def test_what_cannot_be_used_is_no_default(self, facts: dict[str, Any]) -> None:
        with pytest.raises(Invalid):
            keeping.change(installed("one", **facts), {"is_default": True}, SYSTEM)

    @pytest.mark.parametrize("group", ["defaults", "limits"])
    def test_only_checkpoints_have_values(self, group: str) -> None:
        values = {"defaults": {"steps": 3}, "limits": {"max_steps": 3}}[group]
        with pytest.raises(Invalid):
            keeping.change(installed("one", kind="lora"), {group: values}, SYSTEM)

    def test_a_model_that_is_going_is_changed_no_more(self) -> None:
        with pytest.raises(Invalid) as refused:
            keeping.change(installed("one", state="deleting"), {"enabled": False}, SYSTEM)
        assert refused.value.code == "model_deleted"

    def test_a_model_that_went_is_not_found(self) -> None:
        model = installed("one")
        CatalogModel.objects.all().delete()
        with pytest.raises(NotFound):
            keeping.change(model, {"enabled": False}, SYSTEM)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_make_a_default_at_once_one_is_it_in_the_end() -> None:
    models = [installed(f"m{index}") for index in range(4)]
    made = [partial(keeping.change, model, {"is_default": True}, SYSTEM) for model in models]
    assert not [one for one in at_once(made) if isinstance(one, Exception)]
    assert CatalogModel.objects.filter(is_default=True).count() == 1
    assert AuditEntry.objects.filter(action="model_changed").count() == 4
