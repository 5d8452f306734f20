"""What the form offers follows the model."""

import pytest

from accounts.models import User
from generation import form
from modelhub.models import CatalogModel

pytestmark = pytest.mark.django_db


def test_the_first_choice_is_the_default_model(model: CatalogModel, alice: User) -> None:
    assert form.model_choices(alice)[0].model == model


def test_a_choice_starts_from_what_an_empty_request_gets(model: CatalogModel, alice: User) -> None:
    model.defaults = {"steps": 7, "guidance_scale": 2.5, "scheduler": "Euler a"}
    model.save()
    usual = form.model_choices(alice)[0].usual
    assert (usual.num_inference_steps, usual.guidance_scale) == (7, 2.5)
    assert usual.scheduler == "euler_a"


def test_without_a_model_there_is_no_choice(alice: User) -> None:
    assert form.model_choices(alice) == []


def test_every_scheduler_is_offered_by_name_and_label() -> None:
    assert ("euler_a", "Euler a") in [(s.name, s.label) for s in form.schedulers()]


RECIPE = {
    "prompt": "a boat", "negative_prompt": "fog", "model": "sd/demo", "width": 256, "height": 128,
    "num_inference_steps": 7, "guidance_scale": 0.0, "scheduler": "ddim", "scheduler_label": "DDIM",
    "seed": 0, "clip_skip": 2, "extra": {},
}  # fmt: skip


def test_a_recipe_fills_every_field_it_knows(model: CatalogModel, alice: User) -> None:
    values = {**RECIPE, "model": model.public_id}
    filled = form.filled(values, form.model_choices(alice))
    assert filled.values == {name: values[name] for name in form.FIELDS}
    assert filled.notes == ()


def test_what_of_a_recipe_is_gone_is_said(model: CatalogModel, alice: User) -> None:
    gone = {**RECIPE, "model": "sd/gone", "scheduler": "magic", "extra": {"loras": []}}
    filled = form.filled(gone, form.model_choices(alice))
    assert "model" not in filled.values
    assert filled.values["scheduler"] == ""
    assert [word for word in ("sd/gone", "magic", "loras") if word in " ".join(filled.notes)] == [
        "sd/gone", "magic", "loras",
    ]  # fmt: skip
