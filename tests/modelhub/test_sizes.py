"""Sizes follow the model: its family, its limits, or what its side-car says."""

import pytest

from modelhub import sizes
from modelhub.families import TRAITS, Family
from modelhub.models import CatalogModel


def a_model(family: Family = Family.SDXL, native: int = 0, **facts: object) -> CatalogModel:
    side = native or TRAITS[family].native
    return CatalogModel(public_id="sd/x", family=family, native_resolution=side, **facts)


@pytest.mark.parametrize("family", list(TRAITS))
def test_every_size_is_one_the_family_takes(family: Family) -> None:
    native, multiple = TRAITS[family].native, TRAITS[family].multiple
    model = a_model(family)
    for size in (*sizes.presets(model), *sizes.recommended(model)):
        assert size.width % multiple == size.height % multiple == 0
        assert 0.75 < size.width * size.height / native**2 < 1.3


def test_presets_are_the_shapes_they_are_called() -> None:
    square, portrait, landscape, tall, wide = sizes.presets(a_model())
    assert (square.width, square.height) == (1024, 1024)
    assert (portrait.width, portrait.height) == (landscape.height, landscape.width)
    assert str(wide) == "1344x768"
    assert tall.width / tall.height < portrait.width / portrait.height


@pytest.mark.parametrize("native", [64, 2048])
def test_presets_stay_within_the_limits_of_all(native: int) -> None:
    sides = {side for s in sizes.presets(a_model(native=native)) for side in (s.width, s.height)}
    assert min(sides) >= 64
    assert max(sides) <= 2048


def test_presets_stay_within_the_limits_of_the_model() -> None:
    model = a_model(limits={"min_side": 512, "max_side": 1024})
    sides = {side for size in sizes.presets(model) for side in (size.width, size.height)}
    assert min(sides) >= 512
    assert max(sides) <= 1024


def test_seven_shapes_are_recommended_and_none_twice() -> None:
    assert len(sizes.recommended(a_model())) == 7
    small = [(size.width, size.height) for size in sizes.recommended(a_model(native=128))]
    assert len(small) == len(set(small))


def test_a_side_car_says_its_own_sizes() -> None:
    told = [
        {"width": 832, "height": 1216, "label": ""},
        {"width": 1024, "height": 1024, "label": "Own"},
    ]
    model = a_model(sidecar={"recommended_resolutions": told})
    assert [(s.label, str(s)) for s in sizes.recommended(model)] == [
        ("Portrait", "832x1216"), ("Own", "1024x1024"),
    ]  # fmt: skip
    assert str(sizes.presets(model)[1]) == "832x1216"


def test_sizes_of_a_side_car_beyond_what_may_be_asked_are_left_out() -> None:
    told = [
        {"width": 4096, "height": 64, "label": ""},
        {"width": 1000, "height": 1001, "label": ""},
    ]
    model = a_model(sidecar={"recommended_resolutions": told})
    assert sizes.told_sizes(model) == []
    assert len(sizes.recommended(model)) == 7
