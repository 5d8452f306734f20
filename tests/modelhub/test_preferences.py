"""Defaults and limits of a model: one table says what they may be."""

from typing import Any

import pytest

from accounts.problems import Invalid
from modelhub import preferences
from modelhub.models import CatalogModel

GOOD = {
    "steps": 30, "guidanceScale": 5, "scheduler": "Euler a", "width": 768, "height": 1024,
    "negativePrompt": "fog", "clipSkip": 2,
}  # fmt: skip


def test_what_the_api_says_is_kept_under_our_names_and_told_back() -> None:
    kept = preferences.merged("defaults", {}, GOOD, wire=True)
    assert kept == {
        "steps": 30, "guidance_scale": 5.0, "scheduler": "euler_a", "width": 768, "height": 1024,
        "negative_prompt": "fog", "clip_skip": 2,
    }  # fmt: skip
    assert preferences.to_wire(kept, "defaults") == GOOD | {"scheduler": "euler_a"}


def test_null_takes_one_away_and_the_others_stay() -> None:
    kept = preferences.merged("defaults", {"steps": 4, "width": 512}, {"steps": None}, wire=True)
    assert kept == {"width": 512}


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("defaults", "steps", 0), ("defaults", "steps", 151), ("defaults", "steps", True),
        ("defaults", "steps", "9"), ("defaults", "steps", 2.5), ("defaults", "guidanceScale", -0.1),
        ("defaults", "guidanceScale", float("nan")), ("defaults", "guidanceScale", float("inf")),
        ("defaults", "guidanceScale", 10**400), ("limits", "maxMegapixelSteps", 10**400),
        ("defaults", "scheduler", "magic"), ("defaults", "scheduler", 7), ("defaults", "width", 63),
        ("defaults", "height", 2049), ("defaults", "negativePrompt", "a\x00b"),
        ("defaults", "negativePrompt", "x" * 4001), ("defaults", "negativePrompt", ["fog"]),
        ("defaults", "clipSkip", 13), ("limits", "maxSteps", 0), ("limits", "maxImages", 11),
        ("limits", "maxMegapixelSteps", 0.5), ("limits", "maxSide", 4096), ("limits", "minSide", 1),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_refused_by_name(group: str, key: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        preferences.merged(group, {}, {key: value}, wire=True)
    assert refused.value.param == f"{group}.{key}"


@pytest.mark.parametrize("said", [{"max_steps": 5}, {"public_id": "x"}, {"": 1}, [], "steps", None])
def test_what_is_not_known_is_refused(said: Any) -> None:
    with pytest.raises(Invalid):
        preferences.merged("limits", {}, said, wire=True)


@pytest.mark.parametrize(
    ("defaults", "limits"),
    [
        ({"steps": 30}, {"max_steps": 29}),
        ({"width": 512}, {"max_side": 511}),
        ({"height": 512}, {"min_side": 513}),
        ({}, {"min_side": 513, "max_side": 512}),
    ],
)
def test_defaults_lie_within_the_limits(defaults: dict[str, Any], limits: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        preferences.check_together(defaults, limits)


def test_staff_s_word_is_above_the_side_car_s_and_nonsense_counts_for_nothing() -> None:
    beside = {"steps": 12, "guidance_scale": 3.0, "scheduler": "magic", "width": -1, "other": 1}
    model = CatalogModel(defaults={"steps": 20}, sidecar={"defaults": beside})
    assert preferences.defaults_of(model) == {"steps": 20, "guidance_scale": 3.0}


@pytest.mark.parametrize("sidecar", [{}, {"defaults": None}, {"defaults": [1]}, {"defaults": "x"}])
def test_a_broken_side_car_changes_nothing(sidecar: dict[str, Any]) -> None:
    assert preferences.defaults_of(CatalogModel(sidecar=sidecar)) == {}
