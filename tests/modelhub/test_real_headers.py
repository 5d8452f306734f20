"""Every family, kind and trainer's naming is known from a real file's header; and the weights' own
library, and diffusers, say the same.
"""

from pathlib import Path
from typing import Any

import pytest

from modelhub.detection import Detected, detect
from modelhub.detection.adapters import LYCORIS, NAMINGS
from modelhub.families import TRAITS, Family
from modelhub.kinds import Kind
from modelhub.models import CatalogModel
from tests.modelhub import real_headers

State = CatalogModel.State


def found_in(name: str, folder: Path) -> Detected:
    return detect(real_headers.build(name, folder), folder)


@pytest.mark.parametrize("name", real_headers.NAMES)
def test_a_real_file_is_known(name: str, tmp_path: Path) -> None:
    found = found_in(name, tmp_path)
    expected = {"family": "", "variant": "", **real_headers.fixture(name)["is"]}
    assert {key: _text(getattr(found, key)) for key in expected} == expected, found.detail


@pytest.mark.parametrize("name", real_headers.NAMES)
def test_who_trained_and_how_large_is_told(name: str, tmp_path: Path) -> None:
    data = real_headers.fixture(name)
    expected = data.get("facts", {}) | ({"naming": data["naming"]} if "naming" in data else {})
    assert expected.items() <= found_in(name, tmp_path).metadata.items()


@pytest.mark.parametrize("name", real_headers.NAMES)
def test_a_file_that_cannot_be_used_says_why(name: str, tmp_path: Path) -> None:
    found = found_in(name, tmp_path)
    does_without = found.kind is Kind.CHECKPOINT and found.family is Family.SD3
    assert bool(found.detail) == (found.state != State.READY or does_without)


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("checkpoint-sd3-medium", "T5's weights (t5xxl_*.safetensors) and T5's tokenizer.json"),
        ("checkpoint-sd35-large", "without T5's tokenizer.json"),
    ],
)
def test_what_stable_diffusion_3_does_without_is_said(
    name: str, missing: str, tmp_path: Path
) -> None:
    found = found_in(name, tmp_path)
    assert found.state == State.READY
    assert missing in found.detail
    assert "77 tokens" in found.detail


def test_every_family_has_a_real_checkpoint() -> None:
    assert {is_["family"] for is_ in _all() if is_["kind"] == Kind.CHECKPOINT} == set(Family)


def test_every_kind_has_a_real_file() -> None:
    assert {is_["kind"] for is_ in _all()} == set(Kind)


def test_every_naming_and_algorithm_has_a_real_file() -> None:
    namings = {real_headers.fixture(name).get("naming") for name in real_headers.NAMES}
    assert {naming for _, naming in NAMINGS} - {"peft", "lycoris"} <= namings
    algorithms = {algorithm for _, algorithm in LYCORIS} - {"boft"}
    assert algorithms <= {is_.get("variant") for is_ in _all()}


def test_every_variant_that_weights_tell_has_a_real_checkpoint() -> None:
    """The others are told by metadata or a name, as their tests say."""
    known = {
        (is_["family"], is_.get("variant", "")) for is_ in _all() if is_["kind"] == "checkpoint"
    }
    told = {"lightning", "hyper", "turbo", "kontext", "lcm", "edit", "inpaint"}
    every = {(f, v) for f, traits in TRAITS.items() for v in traits.variants if v not in told}
    assert every <= known


@pytest.mark.parametrize(
    "name", [name for name in real_headers.NAMES if "agrees" in real_headers.fixture(name)]
)
def test_diffusers_takes_the_same_keys_for_the_same_model(name: str) -> None:
    """The keys are real ones: the library's own loader knows each by them."""
    torch = pytest.importorskip("torch")
    from diffusers.loaders.single_file_utils import infer_diffusers_model_type

    tensors = {
        tensor: torch.empty(shape, device="meta")
        for tensor, (_, shape) in real_headers.shapes(name).items()
    }
    assert infer_diffusers_model_type(tensors) == real_headers.fixture(name)["agrees"]


def test_safetensors_reads_the_same_from_a_header(tmp_path: Path) -> None:
    from safetensors import safe_open

    file = real_headers.build("lora-sdxl-kohya", tmp_path)
    with safe_open(file, "np") as opened:
        names = opened.keys()
        read = {name: opened.get_slice(name).get_shape() for name in names}
    assert read == {n: shape for n, (_, shape) in real_headers.shapes("lora-sdxl-kohya").items()}


def test_none_was_lost() -> None:
    assert len(real_headers.NAMES) >= 120


def _all() -> list[dict[str, Any]]:
    return [real_headers.fixture(name)["is"] for name in real_headers.NAMES]


def _text(value: Any) -> Any:
    if value is None:
        return ""
    return list(value) if isinstance(value, tuple) else value
