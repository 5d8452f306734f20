"""Every kind of folder and file is named for what it holds, and nothing it holds can hurt."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from modelhub.detection import detect
from modelhub.detection.configs import Configs
from modelhub.detection.directory import CLASSES, PARTS_ALONE, SD_PIPELINES
from modelhub.families import TRAITS, Family, Prediction
from modelhub.kinds import Kind
from modelhub.models import CatalogModel
from tests.model_folders import INDEX, change_json, write_json
from tests.modelhub import real_headers
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


@pytest.mark.parametrize("pipeline", [name for name in CLASSES if name not in SD_PIPELINES])
def test_the_pipeline_class_tells_the_family(
    pipeline: str, make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model()
    write_json(folder / "transformer" / "config.json", {"guidance_embeds": True})
    change_json(folder / "model_index.json", _class_name=pipeline)
    found = detect(folder, models_dir)
    assert (found.family, found.variant) == CLASSES[pipeline]


def test_every_family_has_a_pipeline_class() -> None:
    assert {family for family, _ in CLASSES.values()} | {Family.SD1} == set(Family)


def test_a_family_without_a_row_in_the_engine_is_recognised_and_not_run(
    make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model()
    change_json(folder / "model_index.json", _class_name="QwenImagePipeline")
    found = detect(folder, models_dir)
    assert (found.state, found.family) == (State.UNSUPPORTED, Family.QWEN_IMAGE)
    assert found.detail == "recognised as Qwen-Image; this version cannot run it"


@pytest.mark.parametrize(
    ("shape", "variant"),
    [({"in_channels": 9}, "inpaint"), ({"in_channels": 8}, "edit"), ({}, "")],
)
def test_the_channels_of_the_unet_tell_the_task(
    shape: dict[str, int], variant: str, make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model(width=768)
    change_json(folder / "unet" / "config.json", **shape)
    found = detect(folder, models_dir)
    assert (found.variant, found.state == State.READY) == (variant, not variant)


@pytest.mark.parametrize(
    ("scheduler", "prediction", "variant"),
    [
        ({"prediction_type": "v_prediction"}, Prediction.V, ""),
        ({"prediction_type": "epsilon"}, Prediction.EPSILON, "base"),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, Prediction.FLOW, ""),
        ({}, Prediction.EPSILON, "base"),
    ],
)
def test_the_scheduler_tells_what_is_predicted(
    scheduler: dict[str, str],
    prediction: str,
    variant: str,
    make_model: MakeModel,
    models_dir: Path,
) -> None:
    folder = make_model(width=1024)
    write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    found = detect(folder, models_dir)
    assert (found.prediction_type, found.variant) == (prediction, variant)


@pytest.mark.parametrize(
    ("transformer", "family", "variant"),
    [
        ({"guidance_embeds": True, "in_channels": 64}, Family.FLUX, ""),
        ({"guidance_embeds": False, "in_channels": 64}, Family.FLUX, "schnell"),
        ({"guidance_embeds": True, "in_channels": 384}, Family.FLUX, "fill"),
        ({"num_layers": 24}, Family.SD3, ""),
        ({"num_layers": 24, "dual_attention_layers": [0, 1]}, Family.SD3, "3.5-medium"),
        ({"num_layers": 38}, Family.SD3, "3.5-large"),
    ],
)
def test_the_transformers_configuration_tells_the_variant(
    transformer: dict[str, Any], family: Family, variant: str, tmp_path: Path
) -> None:
    write_json(tmp_path / "transformer" / "config.json", transformer)
    assert Configs(tmp_path, tmp_path, {}).variant(family, "")[0] == variant


def test_a_distilled_folder_is_known_by_name_alone_and_that_is_said(
    make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model("dream-lightning", width=768)
    found = detect(folder, models_dir)
    assert (found.variant, found.metadata) == ("lightning", {"variantFrom": "its name"})


@pytest.mark.parametrize("name", PARTS_ALONE)
def test_a_part_alone_in_a_folder_is_known(
    name: str, make_model: MakeModel, models_dir: Path
) -> None:
    whose = "text_encoder" if PARTS_ALONE[name].library == "transformers" else "unet"
    part = make_model().joinpath(whose).rename(models_dir / "part")
    write_json(part / "config.json", {"_class_name": name, "cross_attention_dim": 2048})
    found = detect(part, models_dir)
    row = PARTS_ALONE[name]
    family = Family.SDXL if row.width else row.family
    assert (found.kind, found.family, found.precision) == (row.kind, family, "fp16")


def test_a_text_encoder_of_the_transformers_library_is_known(
    make_model: MakeModel, models_dir: Path
) -> None:
    part = make_model().joinpath("text_encoder").rename(models_dir / "part")
    write_json(part / "config.json", {"architectures": ["T5EncoderModel"]})
    assert detect(part, models_dir).kind == Kind.TEXT_ENCODER


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


def test_a_tokenizer_without_words_is_corrupt(make_model: MakeModel, models_dir: Path) -> None:
    folder = make_model()
    (folder / "tokenizer/tokenizer.json").unlink()
    found = detect(folder, models_dir)
    assert (found.state, "no tokenizer.json" in found.detail) == (State.CORRUPT, True)
    for name in ("vocab.json", "merges.txt"):
        write_json(folder / "tokenizer" / name, {})
    assert detect(folder, models_dir).state == State.READY


def test_t5_s_older_words_are_not_read_and_the_newer_can_be_fetched(
    make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model()
    t5 = folder / "tokenizer_2"
    t5.mkdir()
    change_json(folder / "model_index.json", tokenizer_2=["transformers", "T5TokenizerFast"])
    (t5 / "spiece.model").write_bytes(b"pieces")
    found = detect(folder, models_dir)
    assert found.state == State.UNSUPPORTED
    assert "tokenizer_2 has only spiece.model, which is not read" in found.detail
    assert "`hf download REPOSITORY tokenizer_2/tokenizer.json --local-dir FOLDER`" in found.detail
    # Hugging Face's usual layout has both.
    write_json(t5 / "tokenizer.json", {})
    assert detect(folder, models_dir).state == State.READY


def test_a_missing_shard_is_corrupt(make_model: MakeModel, models_dir: Path) -> None:
    unet = make_model() / "unet"
    name = "diffusion_pytorch_model-00001-of-00001.safetensors"
    (unet / "diffusion_pytorch_model.safetensors").rename(unet / name)
    other = "diffusion_pytorch_model-00002-of-00001.safetensors"
    write_json(unet / f"{STEM}.safetensors.index.json", {"weight_map": {"a": name, "b": other}})
    assert "00002" in detect(unet.parent, models_dir).detail


STEM = "diffusion_pytorch_model"


@pytest.mark.parametrize(
    ("names", "state"),
    [
        ([f"{STEM}.fp16.safetensors"], State.READY),
        ([f"{STEM}.bf16.safetensors"], State.READY),
        # A list of shards that nobody fetched does not hide the half that is whole.
        ([f"{STEM}.fp16.safetensors", f"{STEM}.safetensors.index.json"], State.READY),
        ([f"{STEM}.safetensors", f"{STEM}-00001-of-00002.safetensors"], State.READY),
        ([f"{STEM}.fp16-00001-of-00001.safetensors", f"{STEM}.safetensors.index.fp16.json"],
         State.READY),
        # Nothing that loads weights looks for any of these.
        ([f"{STEM}.fp16-00001-of-00001.safetensors"], State.CORRUPT),
        ([f"{STEM}.fp16-00001-of-00002.safetensors", f"{STEM}.safetensors.index.fp16.json"],
         State.CORRUPT),
        ([f"{STEM}.safetensors", f"{STEM}.safetensors.index.json"], State.CORRUPT),
        (["model.safetensors"], State.CORRUPT),
    ],
)  # fmt: skip
def test_of_the_weights_of_a_part_those_count_that_are_whole(
    names: list[str], state: str, make_model: MakeModel, models_dir: Path
) -> None:
    unet = make_model() / "unet"
    weights = (unet / f"{STEM}.safetensors").read_bytes()
    (unet / f"{STEM}.safetensors").unlink()
    for name in names:
        if name.endswith(".json"):
            write_json(unet / name, {"weight_map": {"weight": names[0]}})
        else:
            (unet / name).write_bytes(weights)
    found = detect(unet.parent, models_dir)
    assert found.state == state, found.detail


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


@pytest.mark.parametrize("where", [".", "unet", "scripts/more"])
def test_python_code_is_refused(where: str, make_model: MakeModel, models_dir: Path) -> None:
    folder = make_model()
    (folder / where).mkdir(parents=True, exist_ok=True)
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
        b'{"a": {"dtype": "\\ud800", "shape": [0], "data_offsets": [0, 0]}}',
        b'{"a": {"dtype": "F16\\u0000", "shape": [0], "data_offsets": [0, 0]}}',
        b'{"a": {"dtype": "F16", "data_offsets": [0, 1e400]}}',
        b"[" * 50_000,
        b'{"a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 2]}}',
        b'{"a": {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]}, "a": 1}',
        b'{"a": {"dtype": "F16", "shape": [true], "data_offsets": [0, 2]}}',
        b'{"a": {"dtype": "F16", "shape": [0], "data_offsets": [4, 4]}}',
        b'{"' + b"a" * 600 + b'": {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]}}',
        b'{"__metadata__": {"a": "b"}}',
        b"{" + b'"a":[],' * 1_000_001 + b'"a":0}',
    ],
    ids=lambda header: ascii(header)[:60],
)
def test_hostile_headers_are_corrupt(header: bytes, models_dir: Path) -> None:
    file = models_dir / "one.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header)
    assert detect(file, models_dir).state == State.CORRUPT


def test_a_file_that_no_text_can_name_hurts_nobody(make_model: MakeModel, models_dir: Path) -> None:
    folder = make_model()
    (folder / "unet" / os.fsdecode(b"bad\xff.safetensors")).write_bytes(b"no weights")
    assert detect(folder, models_dir).detail.encode() == b""


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_a_folder_with_a_quantised_part_is_not_run(
    part: str, make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model()
    [weights] = (folder / part).glob("*.safetensors")
    real_headers.write(
        weights,
        {"a.weight": ("U8", [8, 1]), "a.weight.absmax": ("F32", [1]),
         "a.weight.quant_state.bitsandbytes__nf4": ("U8", [9])},
    )  # fmt: skip
    found = detect(folder, models_dir)
    assert (found.state, "nf4" in found.detail) == (State.UNSUPPORTED, True)


def test_a_quantised_text_encoder_is_known_and_not_used(models_dir: Path) -> None:
    name = "encoder.block.0.layer.0.SelfAttention.q"
    tensors = {f"{name}.weight": ("F8_E4M3", [4, 4]), f"{name}.scale_weight": ("F32", [1])}
    found = detect(real_headers.write(models_dir / "t5.safetensors", tensors), models_dir)
    assert (found.kind, found.precision, found.state) == (
        Kind.TEXT_ENCODER, "fp8-scaled", State.UNSUPPORTED,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("width", "blocks", "family"),
    [
        (1536, 24, Family.SD3),
        (2432, 38, Family.SD3),
        (3072, 19, Family.FLUX),
        (3072, 60, Family.QWEN_IMAGE),
    ],
)
def test_loras_of_joint_attention_alone_are_told_by_width_and_depth(
    width: int, blocks: int, family: Family, models_dir: Path
) -> None:
    tensors = {
        f"transformer.transformer_blocks.{block}.attn.{name}.lora_A.weight": ("F16", [4, width])
        for block in range(blocks)
        for name in ("to_q", "add_q_proj")
    }
    found = detect(real_headers.write(models_dir / "one.safetensors", tensors), models_dir)
    assert found.family == family


def test_a_name_too_long_for_a_side_car_is_not_too_long_for_a_model(models_dir: Path) -> None:
    file = models_dir / ("漢" * 81 + ".sft")
    real_headers.build("checkpoint-sdxl", models_dir).rename(file)
    assert detect(file, models_dir).state == State.READY


def test_detection_reads_no_tensors(make_model: MakeModel, models_dir: Path) -> None:
    file = models_dir / "huge.safetensors"
    size = 40 * 2**30
    tensor = {"dtype": "BF16", "shape": [size // 2], "data_offsets": [0, size]}
    header = json.dumps({"a": tensor}).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(file, 8 + len(header) + size)
    assert detect(file, models_dir).detail == "no known kind of weights"
