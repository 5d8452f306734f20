import json
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from gallery import encoding, metadata
from tests.gallery.conftest import pixels, recipe


def png(**changes: object) -> bytes:
    return encoding.png(encoding.open_raster(pixels(), 64, 64), recipe(**changes))


def test_json_gives_the_recipe_back() -> None:
    made = recipe(clip_skip=2, extra={"loras": [{"name": "ink", "scale": 0.5}]})
    assert metadata.from_text(metadata.to_text(made)) == made


# No deadline: how fast a busy machine is says nothing about prompts.
@settings(deadline=None)
@given(prompt=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_png_gives_any_prompt_back(prompt: str) -> None:
    found = metadata.from_png(png(prompt=prompt))
    assert found is not None
    assert found.prompt == prompt


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{}", '{"prompt": "x"}', "not json", '{"prompt":"x","evil":1}']
)
def test_foreign_text_is_no_recipe(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a recipe|Expecting"):
        metadata.from_text(text)


def test_a1111_text_reads_as_its_tools_expect() -> None:
    assert metadata.a1111_parameters(recipe()) == (
        "a serene mountain landscape at sunset\n"
        "Negative prompt: fog\n"
        "Steps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 42, Size: 64x64, "
        "Model: sd/demo, Version: ALICE"
    )


def test_a1111_text_leaves_out_what_was_not_used() -> None:
    text = metadata.a1111_parameters(recipe(negative_prompt="", guidance_scale=7.0))
    assert "Negative" not in text
    assert "Clip skip" not in text
    assert "CFG scale: 7," in text


def test_a1111_counts_skipped_layers_from_one() -> None:
    assert "Clip skip: 3," in metadata.a1111_parameters(recipe(clip_skip=2))


def test_a1111_value_with_a_comma_is_quoted() -> None:
    assert 'Model: "a, b",' in metadata.a1111_parameters(recipe(model="a, b"))


def test_png_carries_both_texts() -> None:
    with Pillow.open(BytesIO(png())) as picture:
        picture.load()
        texts = picture.info
    assert texts["parameters"] == metadata.a1111_parameters(recipe())
    assert json.loads(texts["alice"])["seed"] == 42


def test_png_of_others_has_no_recipe() -> None:
    stream = BytesIO()
    Pillow.new("RGB", (8, 8)).save(stream, "PNG")
    assert metadata.from_png(stream.getvalue()) is None


def test_png_with_a_damaged_recipe_has_none() -> None:
    stream, chunks = BytesIO(), PngInfo()
    chunks.add_text("alice", "{broken")
    Pillow.new("RGB", (8, 8)).save(stream, "PNG", pnginfo=chunks)
    assert metadata.from_png(stream.getvalue()) is None
