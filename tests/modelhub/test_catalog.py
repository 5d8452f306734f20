"""Clients find models by the names they use."""

import pytest
from pytest_django.fixtures import Settings

from modelhub import catalog
from modelhub.models import CatalogModel
from modelhub.scanning import scan
from tests.modelhub.conftest import MakeModel

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def two_models(make_model: MakeModel) -> None:
    make_model("first")
    make_model("second")
    scan()


@pytest.mark.parametrize("name", ["second", "sd/second"])
def test_a_model_is_found_with_and_without_prefix(name: str) -> None:
    model = catalog.find(name, None)
    assert model is not None
    assert model.public_id == "sd/second"


@pytest.mark.parametrize("name", ["", "third", "sd/", "sd/sd/second", "SD/second"])
def test_unknown_names_find_nothing(name: str) -> None:
    assert catalog.find(name, None) is None


@pytest.mark.parametrize("change", [{"enabled": False}, {"state": "missing"}])
def test_unusable_models_are_not_found(change: dict[str, object]) -> None:
    CatalogModel.objects.update(**change)
    assert (catalog.find("second", None), catalog.default(None), catalog.listed(None)) == (
        None,
        None,
        [],
    )


def test_the_default_is_the_first_installed() -> None:
    assert str(catalog.default(None)) == "sd/first"


def test_a_setting_names_the_default_and_it_is_listed_first(settings: Settings) -> None:
    settings.ALICE_DEFAULT_MODEL = "second"
    assert [str(model) for model in catalog.listed(None)] == ["sd/second", "sd/first"]


def test_a_setting_that_names_no_model_changes_nothing(settings: Settings) -> None:
    settings.ALICE_DEFAULT_MODEL = "third"
    assert str(catalog.default(None)) == "sd/first"
