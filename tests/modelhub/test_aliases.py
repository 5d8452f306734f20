"""A name that clients have built in stands for a model of ours."""

import pytest

from accounts import audit
from accounts.models import AuditEntry, User
from accounts.problems import Invalid, NotFound
from modelhub import aliases, catalog
from modelhub.models import CatalogModel
from tests.modelhub.test_admin import installed

pytestmark = pytest.mark.django_db
SYSTEM = audit.SYSTEM


@pytest.mark.parametrize("name", ["dall-e-3", "sd/dall-e-3"])
def test_an_alias_is_found_also_behind_our_prefix(name: str) -> None:
    model = installed("one")
    aliases.point("dall-e-3", model, SYSTEM)
    assert catalog.find(name, None) == model


def test_an_alias_moves_and_goes() -> None:
    first, second = installed("one"), installed("two")
    aliases.point("mine", first, SYSTEM)
    aliases.point("mine", second, SYSTEM)
    assert catalog.find("mine", None) == second
    aliases.remove("mine", SYSTEM)
    assert catalog.find("mine", None) is None
    told = [entry.detail for entry in AuditEntry.objects.filter(action="model_changed")]
    assert {"model": "sd/two", "alias_removed": "mine"} in told
    assert len(told) == 3


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "-x", "../x", "a\x00", "a\n", "ä", "x" * 256, "sd/x", "lora/x", "refresh",
     "search/x", "loras", "a/info", "a/unload", "a/", "one"],
)  # fmt: skip
def test_a_name_that_means_something_else_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        aliases.point(name, installed("one"), SYSTEM)


def test_an_installed_model_keeps_its_name() -> None:
    model, other = installed("one"), installed("two")
    aliases.point("late", other, SYSTEM)
    late = installed("late")
    assert catalog.find("late", None) == late
    late.delete()
    assert catalog.find("late", None) == other
    assert catalog.find("one", None) == model


def test_only_checkpoints_have_aliases() -> None:
    with pytest.raises(Invalid):
        aliases.point("mine", installed("one", kind="lora"), SYSTEM)


def test_what_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(NotFound):
        aliases.remove("mine", SYSTEM)


def test_an_alias_leaves_with_its_model() -> None:
    model = installed("one")
    aliases.point("mine", model, SYSTEM)
    model.delete()
    assert not catalog.is_alias("mine")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"state": "missing"}, "its files are missing"),
        ({"state": "corrupt"}, "its files are damaged"),
        ({"state": "deleting"}, "it is being deleted"),
        ({"enabled": False}, "not available to you"),
        ({"visibility": "staff"}, "not available to you"),
    ],
)
def test_an_alias_of_what_cannot_be_used_says_why(
    facts: dict[str, object], reason: str, alice: User
) -> None:
    aliases.point("mine", installed("one"), SYSTEM)
    CatalogModel.objects.update(**facts)
    assert catalog.find("mine", alice) is None
    told = catalog.refusal("mine", alice)
    assert reason in told
    # Whom it is hidden from does not learn what it is.
    assert ("sd/one" in told) == ("state" in facts)


def test_staff_s_models_are_staff_s_alone(alice: User, staff: User) -> None:
    hidden, open_to_all = installed("hidden", visibility="staff", is_default=True), installed("two")
    assert catalog.find("hidden", alice) is None
    assert catalog.find("hidden", staff) == hidden
    assert catalog.default(alice) == open_to_all
    assert catalog.default(staff) == hidden
    assert catalog.listed(alice) == [open_to_all]
    assert "does not exist" in catalog.refusal("hidden", alice)


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "x" * 5000])
def test_names_no_database_can_be_asked_for_find_nothing(name: str) -> None:
    assert catalog.find(name, None) is None
    assert catalog.installed(name, None) is None
    assert "does not exist" in catalog.refusal(name, None)
