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


RECIPE = {
    "prompt": "a boat", "negative_prompt": "fog", "model": "sd/demo", "width": 256, "height": 128,
    "num_inference_steps": 7, "guidance_scale": 0.0, "scheduler": "ddim", "scheduler_label": "DDIM",
    "seed": 0, "clip_skip": 2, "extra": {},
}  # fmt: skip


def test_a_recipe_fills_every_field_it_knows(model: CatalogModel) -> None:
    values = {**RECIPE, "model": model.public_id}
    filled = form.filled(values, form.model_choices())
    assert filled.values == {name: values[name] for name in form.FIELDS}
    assert filled.notes == ()


def test_what_of_a_recipe_is_gone_is_said(model: CatalogModel) -> None:
    gone = {**RECIPE, "model": "sd/gone", "scheduler": "magic", "extra": {"loras": []}}
    filled = form.filled(gone, form.model_choices())
    assert "model" not in filled.values
    assert filled.values["scheduler"] == ""
    assert [word for word in ("sd/gone", "magic", "loras") if word in " ".join(filled.notes)] == [
        "sd/gone", "magic", "loras",
    ]  # fmt: skip
