"""Every spelling of a parameter leads to one canonical name, and back again in a refusal."""

from typing import Any

import pytest
from rest_framework import serializers

from accounts.problems import Invalid, Missing, Problem
from generation.api.fields import ALIASES, PictureFields, Said, picture, problem_of, said, validated


def asked(**body: Any) -> dict[str, Any]:
    return validated(PictureFields, said(body, PictureFields))


@pytest.mark.parametrize(
    ("name", "alias"), [(name, alias) for name, all_ in ALIASES.items() for alias in all_]
)
def test_an_alias_means_its_canonical_name(name: str, alias: str) -> None:
    value = "ddim" if name == "scheduler" else 3
    assert asked(**{alias: value}) == {name: value}


def test_two_spellings_that_agree_are_one() -> None:
    assert asked(steps=9, num_inference_steps=9) == {"num_inference_steps": 9}


def test_two_spellings_that_differ_are_refused() -> None:
    with pytest.raises(Invalid, match="steps and num_steps") as caught:
        asked(steps=9, num_steps=8)
    assert caught.value.param == "num_steps"


def test_null_means_unsaid() -> None:
    assert asked(size=None, steps=None, num_steps=4) == {"num_inference_steps": 4}


@pytest.mark.parametrize(("said_as", "read_as"), [("25", 25), (25.0, 25), (25, 25), ("-1", -1)])
def test_whole_numbers_may_come_as_text(said_as: Any, read_as: int) -> None:
    assert asked(seed=said_as) == {"seed": read_as}


@pytest.mark.parametrize("wrong", [True, 1.5, "many", [], {}, "1e3", "0x10"])
def test_what_is_no_whole_number_is_refused(wrong: Any) -> None:
    with pytest.raises(Invalid) as caught:
        asked(steps=wrong)
    assert caught.value.param == "steps"


@pytest.mark.parametrize("wrong", [True, "nan", "inf", "strong", [], float("inf")])
def test_what_is_no_finite_number_is_refused(wrong: Any) -> None:
    with pytest.raises(Invalid) as caught:
        asked(cfg_scale=wrong)
    assert caught.value.param == "cfg_scale"


@pytest.mark.parametrize(("size", "pair"), [("512x768", (512, 768)), ("64X64", (64, 64))])
def test_a_size_is_read(size: str, pair: tuple[int, int]) -> None:
    assert asked(size=size) == {"size": pair}


@pytest.mark.parametrize("size", ["auto", ""])
def test_an_automatic_size_says_nothing(size: str) -> None:
    assert asked(size=size) == {"size": None}


@pytest.mark.parametrize(
    "size", ["512", "512x", "x512", "-512x512", "512 x 512", "512x512x3", "1e3x10", 512, [512, 512]]
)
def test_what_is_no_size_is_refused(size: Any) -> None:
    with pytest.raises(Invalid, match="WIDTHxHEIGHT"):
        asked(size=size)


@pytest.mark.parametrize("key", ["image", "images", "input_images", "mask", "loras", "lora_paths"])
def test_what_would_change_the_picture_is_refused_by_name(key: str) -> None:
    with pytest.raises(Invalid, match="not supported yet") as caught:
        said({key: "x"}, PictureFields)
    assert (caught.value.param, caught.value.code) == (key, "unsupported_value")


@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_an_empty_input_image_asks_for_nothing(nothing: Any) -> None:
    assert said({"image": nothing}, PictureFields).ignored == ("image",)


def test_unknown_keys_are_ignored_and_named() -> None:
    words = said({"style": "vivid", "n": 1, "frobnicate": 2}, PictureFields)
    assert (words.values, words.ignored) == ({"n": 1}, ("style", "frobnicate"))


def test_size_gives_both_sides_and_the_blame() -> None:
    names: dict[str, str] = {"size": "size"}
    request = picture("x", {"size": (512, 256), "width": 512}, names)
    assert (request.width, request.height) == (512, 256)
    assert (names["width"], names["height"]) == ("size", "size")


def test_size_against_width_is_refused() -> None:
    with pytest.raises(Invalid, match="size and height") as caught:
        picture("x", {"size": (512, 256), "height": 512}, {})
    assert caught.value.param == "height"


def test_an_automatic_size_leaves_width_and_height_alone() -> None:
    request = picture("x", {"size": None, "width": 128, "height": 64}, {})
    assert (request.width, request.height) == (128, 64)


def test_a_problem_speaks_the_callers_words() -> None:
    words = Said({}, {"num_inference_steps": "steps"})
    with pytest.raises(Problem) as caught, words.in_own_words():
        raise Invalid("num_inference_steps must be less.", param="num_inference_steps")
    assert (caught.value.param, caught.value.message) == ("steps", "steps must be less.")


def test_a_problem_about_nothing_in_particular_stays_as_it_is() -> None:
    with pytest.raises(Problem, match=r"^full$") as caught, Said({}).in_own_words():
        raise Problem("full")
    assert caught.value.param is None


class Inner(serializers.Serializer[Any]):
    scale = serializers.FloatField()


class Outer(serializers.Serializer[Any]):
    loras = Inner(many=True, required=False)
    names = serializers.ListField(child=serializers.IntegerField(), required=False)


@pytest.mark.parametrize(
    ("body", "kind", "param"),
    [
        ({"loras": [{"scale": 1}, {"scale": "x"}]}, Invalid, "loras[1].scale"),
        ({"loras": [{}]}, Missing, "loras[0].scale"),
        ({"names": [1, "x"]}, Invalid, "names[1]"),
        ({"names": "x"}, Invalid, "names"),
    ],
)
def test_a_problem_names_the_path_to_the_field(
    body: dict[str, Any], kind: type[Problem], param: str
) -> None:
    serializer = Outer(data=body)
    serializer.is_valid()
    problem = problem_of(serializer.errors, {})
    assert (type(problem), problem.param) == (kind, param)
