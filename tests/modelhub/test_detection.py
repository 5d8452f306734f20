"""Every kind of folder and file is named for what it holds, and nothing it holds can hurt."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from modelhub.detection import CLASSES, SIGNATURES, WIDTHS, detect
from modelhub.families import TRAITS, Family
from modelhub.models import CatalogModel
from tests.model_folders import INDEX, change_json, write_json
from tests.modelhub.conftest import MakeModel

State = CatalogModel.State


@pytest.mark.parametrize(
    ("width", "family"),
    [(768, Family.SD1), (1024, Family.SD2), (128, Family.SD_CUSTOM)],
)
def test_width_of_the_text_encoder_tells_the_family(
    width: int, family: Family, make_model: MakeModel, models_dir: Path
) -> None:
    assert detect(make_model(width=width), models_dir).family is family


def test_every_family_can_be_detected_from_a_folder() -> None:
    assert {*CLASSES.values(), *WIDTHS.values()} == set(Family)


@pytest.mark.parametrize(
    ("pipeline", "family"),
    [("StableDiffusionXLPipeline", Family.SDXL), ("StableDiffusion3Pipeline", Family.SD3)],
)
def test_the_pipeline_class_tells_the_family(
    pipeline: str, family: Family, make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model()
    change_json(folder / "model_index.json", _class_name=pipeline)
    assert detect(folder, models_dir).family is family


@pytest.mark.parametrize(("sample_size", "pixels"), [(64, 256), ([32, 32], 128)])
def test_native_resolution_is_latent_size_times_vae_factor(
    sample_size: Any, pixels: int, make_model: MakeModel, models_dir: Path
) -> None:
    found = detect(make_model(sample_size=sample_size, blocks=3), models_dir)
    assert found.native_resolution == pixels


def test_native_resolution_falls_back_to_the_family(
    make_model: MakeModel, models_dir: Path
) -> None:
    found = detect(make_model(sample_size=None), models_dir)
    assert found.native_resolution == TRAITS[Family.SD_CUSTOM].native


def test_size_and_precision_are_read_from_the_files(
    make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model()
    found = detect(folder, models_dir)
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    assert (found.state, found.precision, found.size_bytes) == (State.READY, "fp16", size)


@pytest.mark.parametrize("content", ["{", "[]", '"x"', "[" * 100_000, "\xff", ""])
@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json", "vae/config.json"])
def test_broken_json_is_corrupt_with_a_reason(
    content: str, file: str, make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model()
    (folder / file).write_bytes(content.encode("latin-1"))
    found = detect(folder, models_dir)
    assert (found.state, Path(file).name in found.detail) == (State.CORRUPT, True)


@pytest.mark.parametrize("value", [0, -1, "64", True, [], {}, 1.5, 10**9, [None]])
def test_absurd_numbers_are_corrupt(value: Any, make_model: MakeModel, models_dir: Path) -> None:
    folder = make_model()
    change_json(folder / "unet" / "config.json", sample_size=value)
    assert detect(folder, models_dir).state == State.CORRUPT


def test_parts_that_do_not_fit_each_other_are_corrupt(
    make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model()
    change_json(folder / "text_encoder" / "config.json", hidden_size=33)
    assert "33" in detect(folder, models_dir).detail


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_cut_weight_file_is_corrupt(part: str, make_model: MakeModel, models_dir: Path) -> None:
    folder = make_model()
    weights = next((folder / part).glob("*.safetensors"))
    os.truncate(weights, weights.stat().st_size - 1)
    found = detect(folder, models_dir)
    assert (found.state, "not whole" in found.detail) == (State.CORRUPT, True)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer"])
def test_a_missing_part_is_corrupt(part: str, make_model: MakeModel, models_dir: Path) -> None:
    folder = make_model()
    (folder / part).rename(folder / "elsewhere")
    found = detect(folder, models_dir)
    assert (found.state, part in found.detail) == (State.CORRUPT, True)


def test_a_missing_shard_is_corrupt(make_model: MakeModel, models_dir: Path) -> None:
    folder = make_model()
    shards = {"weight_map": {"a": "model-00002-of-00002.safetensors"}}
    write_json(folder / "unet" / "model.safetensors.index.json", shards)
    assert "00002" in detect(folder, models_dir).detail


def test_pickled_weights_are_refused(make_model: MakeModel, models_dir: Path) -> None:
    folder = make_model()
    weights = next((folder / "unet").glob("*.safetensors"))
    weights.rename(weights.with_suffix(".bin"))
    assert detect(folder, models_dir).state == State.UNSUPPORTED


def test_a_pickle_with_a_safetensors_name_is_corrupt(
    make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model()
    next((folder / "unet").glob("*.safetensors")).write_bytes(pickle.dumps({"a": [1] * 99}))
    assert detect(folder, models_dir).state == State.CORRUPT


@pytest.mark.parametrize(
    "part",
    [["os", "system"], ["diffusers", "custom"], ["my_code", "UNet2DConditionModel"], ["diffusers"]],
)
def test_foreign_classes_are_refused(
    part: list[str], make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model()
    change_json(folder / "model_index.json", unet=part)
    assert detect(folder, models_dir).state == State.UNSUPPORTED


def test_a_part_name_cannot_leave_the_folder(make_model: MakeModel, models_dir: Path) -> None:
    folder = make_model()
    write_json(folder / "model_index.json", INDEX | {"../tiny/unet": INDEX["unet"]})
    assert detect(folder, models_dir).state == State.UNSUPPORTED


@pytest.mark.parametrize("where", [".", "unet"])
def test_python_code_is_refused(where: str, make_model: MakeModel, models_dir: Path) -> None:
    folder = make_model()
    (folder / where / "pipeline.py").write_text("raise SystemExit")
    assert detect(folder, models_dir).state == State.UNSUPPORTED


@pytest.mark.parametrize("name", ["FluxKontextPipeline", None, 7, "../x"])
def test_unknown_pipelines_are_unsupported(
    name: Any, make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model()
    change_json(folder / "model_index.json", _class_name=name)
    assert detect(folder, models_dir).state == State.UNSUPPORTED


@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json"])
def test_links_out_of_the_models_folder_are_not_read(
    file: str, make_model: MakeModel, models_dir: Path, tmp_path: Path
) -> None:
    folder = make_model()
    (folder / file).rename(tmp_path / "outside.json")
    (folder / file).symlink_to(tmp_path / "outside.json")
    assert detect(folder, models_dir).state == State.UNSUPPORTED


@pytest.mark.parametrize(("start", "family"), SIGNATURES)
def test_a_single_file_is_recognised_and_said_to_be_unsupported(
    start: str, family: Family, models_dir: Path
) -> None:
    file = models_dir / "one.safetensors"
    save_file({f"{start}x": np.zeros(4, np.float32)}, file)
    found = detect(file, models_dir)
    assert (found.family, found.state, found.precision) == (family, State.UNSUPPORTED, "fp32")
    assert "one file" in found.detail


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".bin"])
def test_a_single_pickle_is_refused_unread(suffix: str, models_dir: Path) -> None:
    file = models_dir / f"one{suffix}"
    file.write_bytes(b"cos\nsystem\n(S'touch /tmp/x'\ntR.")
    found = detect(file, models_dir)
    assert (found.state, "run code" in found.detail) == (State.UNSUPPORTED, True)


@pytest.mark.parametrize(
    "header",
    [
        b"not json",
        b"[]",
        b'{"a": 1}',
        b'{"a": {"dtype": "F16", "data_offsets": [4, 2]}}',
        b'{"a": {"dtype": 3, "data_offsets": [0, 2]}}',
        b'{"a": {"dtype": "F16", "data_offsets": [0, 1e400]}}',
        b"[" * 50_000,
    ],
)
def test_hostile_headers_are_corrupt(header: bytes, models_dir: Path) -> None:
    file = models_dir / "one.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header)
    assert detect(file, models_dir).state == State.CORRUPT


def test_detection_reads_no_tensors(make_model: MakeModel, models_dir: Path) -> None:
    file = models_dir / "huge.safetensors"
    size = 40 * 2**30
    header = json.dumps({"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, size]}}).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(file, 8 + len(header) + size)
    assert detect(file, models_dir).detail == "no known kind of checkpoint"
