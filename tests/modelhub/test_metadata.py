"""What files say about themselves: cut to size, and believed where their weights are silent."""

import json
from pathlib import Path
from typing import Any

import pytest

from modelhub.detection import Detected, detect
from modelhub.detection.told import MAX_TRIGGER_WORDS
from modelhub.families import Family, traits_of
from tests.modelhub import real_headers


def saying(folder: Path, base: str = "lora-sd1-kohya", called: str = "x", **told: str) -> Detected:
    tensors = real_headers.shapes(base)
    metadata = {key.replace("__", "."): value for key, value in told.items()}
    return detect(real_headers.write(folder / f"{called}.safetensors", tensors, metadata), folder)


def test_metadata_is_cut_to_size(tmp_path: Path) -> None:
    """Training records have megabytes, and a picture of the model may be among them."""
    found = saying(
        tmp_path,
        modelspec__title="t" * 10_000,
        modelspec__thumbnail="data:image/jpeg;base64," + "A" * 2_000_000,
        ss_bucket_info=json.dumps({"buckets": {"0": {"resolution": [1, 1]}}}),
        modelspec__author="a\x00\u202eb",
    )
    assert len(found.metadata["modelspec.title"]) == 500
    assert found.metadata["modelspec.author"] == "a b"
    assert len(json.dumps(found.metadata)) < 2000


@pytest.mark.parametrize(
    "tags", ["{", "[]", "[" * 100_000, '{"a": 7}', '{"a": {"b": "many"}}', '{"a": {"b": true}}', ""]
)
def test_odd_tags_give_no_words(tags: str, tmp_path: Path) -> None:
    assert saying(tmp_path, ss_tag_frequency=tags).trigger_words == ()


def test_the_commonest_tags_of_all_folders_are_the_words(tmp_path: Path) -> None:
    tags = {"1_a": {"emma": 5, "smile": 1}, "2_b": {"smile": 9}}
    found = saying(tmp_path, ss_tag_frequency=json.dumps(tags))
    assert found.trigger_words == ("smile", "emma")


def test_what_the_author_says_wins(tmp_path: Path) -> None:
    tags = json.dumps({"1_a": {"smile": 9}})
    found = saying(tmp_path, ss_tag_frequency=tags, modelspec__trigger_phrase="emma woman, emma")
    assert found.trigger_words == ("emma woman", "emma")


def test_words_are_few(tmp_path: Path) -> None:
    phrase = ",".join(f"word{number}" for number in range(500))
    found = saying(tmp_path, modelspec__trigger_phrase=phrase)
    assert len(found.trigger_words) == MAX_TRIGGER_WORDS


@pytest.mark.parametrize(
    ("title", "variant"),
    [("SDXL Lightning 4 step", "lightning"), ("Hyper-SDXL", "hyper"), ("LCM SDXL", "lcm")],
)
def test_a_distilled_model_is_known_by_its_metadata(
    title: str, variant: str, tmp_path: Path
) -> None:
    found = saying(tmp_path, "checkpoint-sdxl", modelspec__title=title)
    assert (found.variant, found.metadata["variantFrom"]) == (variant, "metadata")


def test_a_name_is_the_last_resort_and_that_is_said(tmp_path: Path) -> None:
    found = saying(tmp_path, "checkpoint-sdxl", "dreamshaperXL_lightning")
    assert (found.variant, found.metadata["variantFrom"]) == ("lightning", "its name")


def test_a_name_says_nothing_against_the_weights(tmp_path: Path) -> None:
    found = saying(tmp_path, "checkpoint-sdxl-inpaint", "turbo")
    assert found.variant == "inpaint"
    assert saying(tmp_path, "checkpoint-sdxl", "sd15-schnell").variant == ""


@pytest.mark.parametrize(
    ("told", "family"),
    [
        ({"ss_base_model_version": "sdxl_base_v1-0"}, Family.SDXL),
        ({"ss_base_model_version": "sd_v2_768_v"}, Family.SD2),
        ({"modelspec__architecture": "stable-diffusion-v3-medium/lora"}, Family.SD3),
        ({"ss_base_model_version": "something else"}, None),
        ({}, None),
    ],
)
def test_a_lora_without_a_width_is_of_the_family_its_trainer_wrote_down(
    told: dict[str, Any], family: Family | None, tmp_path: Path
) -> None:
    assert saying(tmp_path, "lycoris-sd1-oft", **told).family == family


@pytest.mark.parametrize(
    ("family", "variant", "steps", "guidance", "native"),
    [
        (Family.SDXL, "turbo", 4, 0.0, 512),
        (Family.SDXL, "lightning", 4, 0.0, 1024),
        (Family.SDXL, "lcm", 6, 1.0, 1024),
        (Family.FLUX, "schnell", 4, 0.0, 1024),
        (Family.FLUX, "", 28, 3.5, 1024),
        (Family.SD2, "", None, None, 768),
        (Family.SD2, "base", None, None, 512),
        (Family.SD3, "3.5-large-turbo", 4, 0.0, 1024),
        (Family.SD1, "a variant it has not", None, None, 512),
    ],
)
def test_a_variant_brings_its_own_defaults(
    family: Family, variant: str, steps: int | None, guidance: float | None, native: int
) -> None:
    traits = traits_of(family, variant)
    assert (traits.steps, traits.guidance_scale, traits.native) == (steps, guidance, native)
