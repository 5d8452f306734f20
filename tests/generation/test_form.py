"""What the form offers follows the model."""

import pytest

from generation import form
from modelhub.families import TRAITS, Traits
from modelhub.models import CatalogModel

pytestmark = pytest.mark.django_db


def test_the_first_choice_is_the_default_model(model: CatalogModel) -> None:
    assert form.model_choices()[0].model == model


def test_a_choice_starts_from_what_an_empty_request_gets(model: CatalogModel) -> None:
    model.defaults = {"steps": 7, "guidance_scale": 2.5, "scheduler": "Euler a"}
    model.save()
    usual = form.model_choices()[0].usual
    assert (usual.num_inference_steps, usual.guidance_scale) == (7, 2.5)
    assert usual.scheduler == "euler_a"


def test_without_a_model_there_is_no_choice() -> None:
    assert form.model_choices() == []


@pytest.mark.parametrize("traits", TRAITS.values(), ids=lambda traits: traits.title)
def test_every_preset_is_a_size_the_family_takes(traits: Traits) -> None:
    native, multiple = traits.native, traits.multiple
    for size in form.sizes(native, multiple):
        assert size.width % multiple == size.height % multiple == 0
        assert 0.75 < size.width * size.height / native**2 < 1.3


def test_presets_are_the_shapes_they_are_called() -> None:
    square, portrait, landscape, tall, wide = form.sizes(1024, 8)
    assert (square.width, square.height) == (1024, 1024)
    assert (portrait.width, portrait.height) == (landscape.height, landscape.width)
    assert str(wide) == "1344x768"
    assert tall.width / tall.height < portrait.width / portrait.height


@pytest.mark.parametrize("native", [64, 2048])
def test_presets_stay_within_the_limits(native: int) -> None:
    sides = {side for size in form.sizes(native, 8) for side in (size.width, size.height)}
    assert min(sides) >= 64
    assert max(sides) <= 2048


def test_every_scheduler_is_offered_by_name_and_label() -> None:
    assert ("euler_a", "Euler a") in [(s.name, s.label) for s in form.schedulers()]
