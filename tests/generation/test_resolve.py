"""The order has no blanks, keeps what was said, records what could not be kept."""

from typing import Any

import pytest

from accounts.problems import Invalid, Missing, Problem
from generation import conf
from generation.engine.contract import JobSpec, Task
from generation.engine.samplers import SAMPLERS
from generation.errors import Adjusted
from generation.requests import ImageRequest
from generation.resolve import Resolved, adjustments_json, resolve, usual
from modelhub.families import TRAITS, Family
from modelhub.models import CatalogModel


def model(family: Family = Family.SD1, **defaults: Any) -> CatalogModel:
    return CatalogModel(
        public_id="sd/m",
        family=family,
        native_resolution=TRAITS[family].native,
        defaults=defaults,
    )


def ordered(family: Family = Family.SD1, **asked: Any) -> JobSpec:
    return resolve(ImageRequest(**{"prompt": "a lake", **asked}), model(family)).spec


def refusal(family: Family = Family.SD1, **asked: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        ordered(family, **asked)
    return caught.value


@pytest.mark.parametrize("family", Family)
def test_an_empty_request_becomes_a_whole_order_for_every_family(family: Family) -> None:
    spec = ordered(family)
    side = TRAITS[family].native
    assert (spec.task, spec.model, spec.prompt) == (Task.TXT2IMG, "sd/m", "a lake")
    assert (spec.width, spec.height, spec.n, spec.clip_skip) == (side, side, 1, 0)
    assert spec.scheduler in SAMPLERS
    assert JobSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("family", Family)
def test_what_was_said_is_kept(family: Family) -> None:
    asked: dict[str, Any] = {
        "width": 640, "height": 512, "num_inference_steps": 7, "guidance_scale": 0.0,
        "scheduler": "ddim", "seed": 0, "n": 3, "clip_skip": 2,
    }  # fmt: skip
    resolved = resolve(ImageRequest(prompt=" a lake ", **asked), model(family, steps=40))
    suitable = TRAITS[family].schedulers
    asked["scheduler"] = suitable[0] if suitable else "ddim"
    assert {name: getattr(resolved.spec, name) for name in asked} == asked
    assert resolved.spec.prompt == " a lake "
    changed = [adjustment.field for adjustment in resolved.adjustments]
    assert changed == (["scheduler"] if suitable else [])


@pytest.mark.parametrize("family", [Family.SD3, Family.FLUX])
def test_flow_models_take_the_sampler_that_suits_them(family: Family) -> None:
    """The server's default is none of theirs and goes unsaid; a caller's wish is answered."""
    quiet = resolve(ImageRequest(prompt="a lake"), model(family))
    assert (quiet.spec.scheduler, quiet.adjustments) == ("euler", ())
    told = resolve(ImageRequest(prompt="a lake", scheduler="Euler a"), model(family))
    [adjustment] = adjustments_json(told)
    assert (adjustment["from"], adjustment["to"]) == ("Euler a", "euler")
    assert "flow model" in adjustment["reason"]


def test_the_models_own_defaults_come_before_the_servers(settings: Any) -> None:
    settings.ALICE_DEFAULT_STEPS, settings.ALICE_DEFAULT_WIDTH = 11, 320
    own: dict[str, Any] = {"steps": 9, "guidance_scale": 2.0, "scheduler": "lms", "width": 128, "height": 192,
           "negative_prompt": "blur"}  # fmt: skip
    spec = resolve(ImageRequest(prompt="x"), model(**own)).spec
    assert (spec.num_inference_steps, spec.guidance_scale, spec.scheduler) == (9, 2.0, "lms")
    assert (spec.width, spec.height, spec.negative_prompt) == (128, 192, "blur")


def test_the_servers_defaults_come_before_the_native_size(settings: Any) -> None:
    settings.ALICE_DEFAULT_STEPS, settings.ALICE_DEFAULT_WIDTH = 11, 320
    settings.ALICE_DEFAULT_NEGATIVE_PROMPT = "people"
    spec = ordered()
    assert (spec.num_inference_steps, spec.width, spec.height) == (11, 320, 512)
    assert spec.negative_prompt == "people"


def test_an_empty_negative_prompt_is_said() -> None:
    spec = resolve(ImageRequest(prompt="x", negative_prompt=""), model(negative_prompt="blur")).spec
    assert spec.negative_prompt == ""


def test_a_family_without_negative_prompts_says_so() -> None:
    asked = ImageRequest(prompt="x", negative_prompt="blur")
    resolved = resolve(asked, model(Family.FLUX))
    assert resolved.spec.negative_prompt == ""
    assert [a.field for a in resolved.adjustments] == ["negative_prompt"]
    assert resolve(ImageRequest(prompt="x"), model(Family.FLUX)).adjustments == ()


def test_a_negative_prompt_that_has_no_effect_is_reported() -> None:
    resolved = resolve(ImageRequest(prompt="x", negative_prompt="blur", guidance_scale=1), model())
    assert resolved.spec.negative_prompt == ""
    [adjusted] = resolved.adjustments
    assert (adjusted.field, adjusted.asked, adjusted.given) == ("negative_prompt", "blur", "")
    assert "guidance_scale" in adjusted.reason


def test_guidance_that_a_model_does_not_read_is_reported() -> None:
    schnell = model(Family.FLUX, guidance_scale=2.0)
    schnell.variant = "schnell"
    resolved = resolve(ImageRequest(prompt="x", guidance_scale=7.5), schnell)
    assert resolved.spec.guidance_scale == 0.0
    (told,) = adjustments_json(resolved)
    assert (told["field"], told["from"], told["to"]) == ("guidance_scale", 7.5, 0.0)
    assert "schnell takes no guidance" in told["reason"]
    with pytest.raises(Adjusted):
        resolve(ImageRequest(prompt="x", guidance_scale=7.5, strict=True), schnell)
    for said in (None, 0.0):
        resolved = resolve(ImageRequest(prompt="x", guidance_scale=said), schnell)
        assert (resolved.spec.guidance_scale, resolved.adjustments) == (0.0, ())


def test_a_default_without_effect_is_left_out_without_a_word() -> None:
    asked = ImageRequest(prompt="x", guidance_scale=0.5)
    resolved = resolve(asked, model(negative_prompt="blur"))
    assert (resolved.spec.negative_prompt, resolved.adjustments) == ("", ())


def test_a_strict_request_wants_its_negative_prompt_drawn() -> None:
    asked = ImageRequest(prompt="x", negative_prompt="blur", guidance_scale=1, strict=True)
    with pytest.raises(Adjusted) as refusal:
        resolve(asked, model())
    assert refusal.value.param == "negative_prompt"


@pytest.mark.parametrize(("family", "given"), [(Family.SD1, 1000), (Family.FLUX, 992)])
def test_sides_are_rounded_down_to_what_the_family_takes(family: Family, given: int) -> None:
    resolved = resolve(ImageRequest(prompt="x", width=1007, height=512), model(family))
    assert (resolved.spec.width, resolved.spec.height) == (given, 512)
    assert adjustments_json(resolved) == [
        {
            "field": "width",
            "from": 1007,
            "to": given,
            "reason": f"sides are multiples of {TRAITS[family].multiple}",
        }
    ]


def test_a_strict_request_refuses_an_adjustment() -> None:
    problem = refusal(width=1007, strict=True)
    assert isinstance(problem, Adjusted)
    assert (problem.param, problem.status) == ("width", 400)


@pytest.mark.parametrize(
    ("quality", "steps"), [("low", 10), ("medium", 20), ("high", 32), (None, 20)]
)
def test_quality_scales_the_usual_steps(quality: str | None, steps: int) -> None:
    spec = resolve(ImageRequest(prompt="x", quality=quality), model(steps=20)).spec
    assert spec.num_inference_steps == steps


def test_quality_gives_way_to_steps_that_were_said() -> None:
    assert ordered(quality="high", num_inference_steps=5).num_inference_steps == 5


@pytest.mark.parametrize("label", ["Euler a", "k_euler_a", " EULER_A "])
def test_a_scheduler_is_known_by_any_of_its_names(label: str) -> None:
    assert ordered(scheduler=label).scheduler == "euler_a"


@pytest.mark.parametrize("seed", [None, -1])
def test_a_random_seed_is_another_each_time(seed: int | None) -> None:
    seeds = {ordered(seed=seed).seed for _ in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed <= conf.MAX_SEED for seed in seeds)


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"prompt": "x" * 32001}, "prompt"),
        ({"prompt": "a\x00b"}, "prompt"),
        ({"prompt": "a\ud800b"}, "prompt"),
        ({"prompt": "<LoRA:style:0.5> a lake"}, "prompt"),
        ({"negative_prompt": "x" * 32001}, "negative_prompt"),
        ({"width": 63}, "width"),
        ({"height": 2049}, "height"),
        ({"num_inference_steps": 0}, "num_inference_steps"),
        ({"num_inference_steps": 151}, "num_inference_steps"),
        ({"guidance_scale": -0.5}, "guidance_scale"),
        ({"guidance_scale": 30.5}, "guidance_scale"),
        ({"guidance_scale": float("nan")}, "guidance_scale"),
        ({"guidance_scale": float("inf")}, "guidance_scale"),
        ({"scheduler": "magic"}, "scheduler"),
        ({"seed": -2}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"n": 0}, "n"),
        ({"n": 11}, "n"),
        ({"clip_skip": -1}, "clip_skip"),
        ({"clip_skip": 13}, "clip_skip"),
        (
            {"n": 10, "num_inference_steps": 96, "width": 2048, "height": 2048},
            "num_inference_steps",
        ),
    ],
)
def test_what_is_out_of_range_is_refused_by_name(asked: dict[str, Any], param: str) -> None:
    problem = refusal(**asked)
    assert isinstance(problem, Invalid)
    assert (problem.param, problem.status) == (param, 400)
    assert param in problem.message or "megapixels" in problem.message


@pytest.mark.parametrize(
    ("limits", "asked"),
    [
        ({"max_steps": 20}, {"num_inference_steps": 21}),
        ({"max_images": 2}, {"n": 3}),
        ({"max_side": 512}, {"width": 513}),
        ({"min_side": 512}, {"height": 511}),
        ({"max_megapixel_steps": 5}, {"num_inference_steps": 100}),
    ],
)
def test_the_model_s_own_limits_are_named(limits: dict[str, Any], asked: dict[str, Any]) -> None:
    limited = model()
    limited.limits = limits
    with pytest.raises(Invalid) as refused:
        resolve(ImageRequest(prompt="a lake", **asked), limited)
    assert "for sd/m" in refused.value.message


def test_what_nobody_asked_for_keeps_within_the_model_s_limits() -> None:
    limited = model(Family.SDXL)
    limited.limits = {"max_steps": 10, "max_side": 768, "max_megapixel_steps": 1}
    spec = usual(limited)
    assert (spec.num_inference_steps, spec.width, spec.height) == (10, 768, 768)
    high = resolve(ImageRequest(prompt="x", quality="high", width=64, height=64), limited).spec
    assert high.num_inference_steps == 10


def test_a_side_car_s_defaults_stand_below_those_of_staff() -> None:
    told = model(steps=9)
    told.sidecar = {"defaults": {"steps": 30, "clip_skip": 2, "negative_prompt": "fog"}}
    spec = resolve(ImageRequest(prompt="x"), told).spec
    assert (spec.num_inference_steps, spec.clip_skip, spec.negative_prompt) == (9, 2, "fog")
    assert resolve(ImageRequest(prompt="x", clip_skip=0), told).spec.clip_skip == 0


@pytest.mark.parametrize("prompt", ["", " ", "\n\t"])
def test_a_prompt_is_required(prompt: str) -> None:
    problem = refusal(prompt=prompt)
    assert isinstance(problem, Missing)
    assert problem.param == "prompt"


@pytest.mark.parametrize(
    "asked",
    [
        {"width": 64, "height": 2048, "num_inference_steps": 150},
        {"n": 10, "num_inference_steps": 1, "guidance_scale": 30.0, "seed": 2**32 - 1},
        {"n": 10, "num_inference_steps": 95, "width": 2048, "height": 2048},
        {"prompt": "x" * 32000, "clip_skip": 12},
        {"prompt": "a < b, c > d, <3, lora: none"},
    ],
)
def test_the_ends_of_the_ranges_are_inside(asked: dict[str, Any]) -> None:
    assert ordered(**asked).model


def test_work_is_measured_in_megapixel_steps() -> None:
    asked = ImageRequest(prompt="x", width=1000, height=1000, num_inference_steps=30, n=2)
    resolved: Resolved = resolve(asked, model())
    assert resolved.megapixel_steps == pytest.approx(60.0)
