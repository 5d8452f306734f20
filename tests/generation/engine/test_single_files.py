"""Checkpoints in one file: the same weights draw the same bytes as in a diffusers folder."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from generation.engine.contract import JobSpec, ModelRef, Setup
from generation.engine.errors import ModelUnloadable, NotSupported
from modelhub import components
from tests import single_files, tiny_models
from tests.generation.engine.conftest import first_pixels

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
from generation.engine.backends.diffusers_local import conversions, loading, tokenizers  # noqa: E402
from generation.engine.backends.diffusers_local.backend import DiffusersBackend  # noqa: E402

CPU = torch.device("cpu")


@pytest.fixture
def single(sd_folder: Path, tmp_path: Path) -> ModelRef:
    file = single_files.write_sd(sd_folder, tmp_path / "models/tiny.safetensors")
    return ModelRef("sd/tiny", str(file), "sd1", "single_file", 64, root=str(file.parent))


def pixels(model: ModelRef, spec: JobSpec) -> bytes:
    backend = DiffusersBackend(Setup("cpu"))
    backend.load(model)
    return first_pixels(backend, spec)


def rewrite(model: ModelRef, change: Callable[[dict[str, Any]], Any]) -> None:
    tensors = {name: tensor.clone() for name, tensor in load_file(model.path).items()}
    change(tensors)
    save_file(tensors, model.path)


def test_sd1_equals_its_folder(single: ModelRef, sd: ModelRef, spec: JobSpec) -> None:
    assert pixels(single, spec) == pixels(sd, spec)


def test_sd2_equals_its_folder(sd: ModelRef, spec: JobSpec, tmp_path: Path) -> None:
    file = single_files.write_sd(Path(sd.path), tmp_path / "two.safetensors", open_clip=True)
    assert pixels(replace(sd, path=str(file), family="sd2", layout="single_file"), spec) == pixels(
        sd, spec
    )


def test_sdxl_equals_its_folder(sdxl: ModelRef, spec: JobSpec, tmp_path: Path) -> None:
    file = single_files.write_sdxl(Path(sdxl.path), tmp_path / "xl.safetensors")
    assert pixels(replace(sdxl, path=str(file), layout="single_file"), spec) == pixels(sdxl, spec)


def test_prediction_is_the_one_that_was_detected(single: ModelRef, spec: JobSpec) -> None:
    turned = replace(single, prediction_type="v_prediction")
    assert loading.load(turned, CPU).schedule["prediction_type"] == "v_prediction"
    assert pixels(turned, spec) != pixels(single, spec)


def test_a_tensor_short_is_an_error(single: ModelRef) -> None:
    rewrite(single, lambda tensors: tensors.pop("model.diffusion_model.out.2.weight"))
    with pytest.raises(ModelUnloadable, match=r"unet lacks 1 tensors, among them conv_out\.weight"):
        loading.load(single, CPU)


def test_quantised_checkpoints_are_refused(single: ModelRef) -> None:
    rewrite(single, lambda tensors: tensors.update(scaled_fp8=torch.zeros(1)))
    with pytest.raises(NotSupported, match="quantised in a way"):
        loading.load(single, CPU)


def drop_vae(tensors: dict[str, Any]) -> None:
    for name in [name for name in tensors if name.startswith("first_stage_model.")]:
        del tensors[name]


def test_a_part_left_out_is_named_with_the_way_to_get_it(single: ModelRef) -> None:
    rewrite(single, drop_vae)
    with pytest.raises(ModelUnloadable, match=r"has no vae.*into vaes/ of the models folder"):
        loading.load(single, CPU)


def test_a_part_left_out_is_found_in_the_models_folder(
    single: ModelRef, sd: ModelRef, spec: JobSpec
) -> None:
    vae = {
        name.removeprefix("first_stage_model."): tensor.clone()
        for name, tensor in load_file(single.path).items()
        if name.startswith("first_stage_model.")
    }
    rewrite(single, drop_vae)
    shelf = Path(single.root) / "vaes"
    shelf.mkdir()
    # As FLUX.1's was first published.
    save_file(vae, shelf / "mine.sft")
    assert pixels(single, spec) == pixels(sd, spec)
    save_file(vae, shelf / "other.safetensors")
    with pytest.raises(ModelUnloadable, match="More than one file could be its vae"):
        loading.load(single, CPU)


@pytest.mark.parametrize("place", ["", "diffusion_model."])
def test_a_denoiser_alone_takes_the_rest_from_the_models_folder(
    single: ModelRef, sd: ModelRef, spec: JobSpec, place: str
) -> None:
    """As people keep it in other programs: the U-Net in one file, VAE and text encoder in others."""
    tensors = {name: tensor.clone() for name, tensor in load_file(single.path).items()}

    def below(start: str, onto: str = "") -> dict[str, Any]:
        return {onto + n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}

    root = Path(single.root)
    for shelf, start in (
        ("vaes", "first_stage_model."),
        ("text-encoders", "cond_stage_model.transformer."),
    ):
        (root / shelf).mkdir()
        save_file(below(start), root / shelf / "mine.safetensors")
    save_file(below("model.diffusion_model.", place), single.path)
    assert pixels(single, spec) == pixels(sd, spec)


def test_a_consistency_model_keeps_the_layer_that_reads_its_guidance(single: ModelRef) -> None:
    layer = torch.ones(8, 16)
    rewrite(single, lambda t: t.update({f"model.diffusion_model.{conversions.GUIDED}": layer}))
    unet = loading.load(single, CPU).pipe.unet
    assert unet.config.time_cond_proj_dim == 16
    assert torch.equal(unet.time_embedding.cond_proj.weight, layer)


def test_unknown_architectures_say_what_would_describe_them(single: ModelRef) -> None:
    (components.sidecar(Path(single.path)) / "unet/config.json").unlink()
    with pytest.raises(ModelUnloadable, match=r"tiny\.components/unet/config\.json beside it"):
        loading.load(replace(single, family="sd-custom"), CPU)


def test_clips_tokenizer_ships_with_us() -> None:
    """The numbers that every CLIP of OpenAI's gives these words."""
    tokenizer = tokenizers.clip(components.ROOT / "sd1/tokenizer")
    ids = tokenizer("a photo of an astronaut riding a horse").input_ids
    assert ids == [49406, 320, 1125, 539, 550, 18376, 6765, 320, 4558, 49407]
    assert len(tokenizer) == 49408
    assert tokenizer("x", padding="max_length").input_ids[-1] == 49407
    other = tokenizers.clip(components.ROOT / "sdxl/tokenizer_2")
    assert other("x", padding="max_length").input_ids[-1] == 0


def test_flux_finds_its_parts_and_names_what_is_missing(spec: JobSpec, tmp_path: Path) -> None:
    folder = tiny_models.build_flux(tmp_path / "flux")
    file = tmp_path / "models/flux.safetensors"
    file.parent.mkdir()
    tensors = load_file(folder / "transformer/diffusion_pytorch_model.safetensors")
    save_file({f"model.diffusion_model.{n}": t for n, t in tensors.items()}, file)
    beside = components.sidecar(file)
    for config in folder.rglob("*config.json"):
        target = beside / config.relative_to(folder)
        if "tokenizer" not in target.parent.name:
            target.parent.mkdir(parents=True)
            target.write_bytes(config.read_bytes())
    model = ModelRef("sd/flux", str(file), "flux", "single_file", 64, root=str(file.parent))
    with pytest.raises(ModelUnloadable, match=r"has no vae.*vaes/"):
        loading.load(model, CPU)
    stored = {"vae": "vaes/ae", "text_encoder": "text-encoders/clip_l"}
    stored |= {"text_encoder_2": "text-encoders/t5xxl"}
    for part, name in stored.items():
        [weights] = (folder / part).glob("*.safetensors")
        target = file.parent / f"{name}.safetensors"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(weights.read_bytes())
    with pytest.raises(
        ModelUnloadable, match=r"T5's tokenizer\.json .* flux\.components/tokenizer_2"
    ):
        loading.load(model, CPU)
    (file.parent / "text-encoders/spiece.model").write_bytes(b"pieces")
    with pytest.raises(ModelUnloadable, match=r"spiece\.model is not read.*hf download"):
        loading.load(model, CPU)
    for name in ("tokenizer", "tokenizer_2"):
        (folder / name).rename(beside / name)
    order = replace(spec, model="sd/flux", negative_prompt="", scheduler="euler", height=64)
    mine = pixels(model, order)
    for name in ("tokenizer", "tokenizer_2"):
        (beside / name).rename(folder / name)
    theirs = pixels(replace(model, path=str(folder), layout="diffusers"), order)
    # Tensors are mapped as they lie in their file, and where they lie may decide a last bit.
    assert max(abs(one - other) for one, other in zip(mine, theirs, strict=True)) <= 1


def test_flux_tensors_are_those_of_its_class() -> None:
    """At its real width, on the meta device: the converter knows no other."""
    width, meta = 3072, torch.device("meta")
    config = {
        "in_channels": 64,
        "num_layers": 1,
        "num_single_layers": 1,
        "guidance_embeds": True,
    }
    with meta:
        wanted = diffusers.FluxTransformer2DModel(**config).state_dict()
        state = {name: torch.empty(shape) for name, shape in flux_shapes(width).items()}
    converted = conversions.denoiser_flux(conversions.taken(state, "flux", "transformer"), config)
    assert {n: t.shape for n, t in converted.items()} == {n: t.shape for n, t in wanted.items()}


def flux_shapes(width: int) -> dict[str, tuple[int, ...]]:
    """One block of each kind, as the authors' file names them."""
    shapes: dict[str, tuple[int, ...]] = {
        "img_in.weight": (width, 64),
        "txt_in.weight": (width, 4096),
    }
    for name, size in (("time_in", 256), ("vector_in", 768), ("guidance_in", 256)):
        shapes[f"{name}.in_layer.weight"] = (width, size)
        shapes[f"{name}.out_layer.weight"] = (width, width)
    for side in ("img", "txt"):
        block = f"double_blocks.0.{side}"
        shapes[f"{block}_mod.lin.weight"] = (6 * width, width)
        shapes[f"{block}_attn.qkv.weight"] = (3 * width, width)
        shapes[f"{block}_attn.proj.weight"] = (width, width)
        shapes[f"{block}_mlp.0.weight"] = (4 * width, width)
        shapes[f"{block}_mlp.2.weight"] = (width, 4 * width)
    shapes["single_blocks.0.linear1.weight"] = (7 * width, width)
    shapes["single_blocks.0.linear2.weight"] = (width, 5 * width)
    shapes["single_blocks.0.modulation.lin.weight"] = (3 * width, width)
    shapes["final_layer.linear.weight"] = (64, width)
    shapes["final_layer.adaLN_modulation.1.weight"] = (2 * width, width)
    shapes |= {name.replace("weight", "bias"): shape[:1] for name, shape in shapes.items()}
    norms = ("double_blocks.0.img_attn", "double_blocks.0.txt_attn", "single_blocks.0")
    for norm in norms:
        shapes[f"{norm}.norm.query_norm.scale"] = shapes[f"{norm}.norm.key_norm.scale"] = (128,)
    return shapes


def test_sd3_does_without_what_it_can_do_without(
    spec: JobSpec, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """T5 without its tokenizer: said in the log, and the picture is that of SD 3 without T5."""
    folder = tiny_models.build_sd3(tmp_path / "sd3")
    file = single_files.write_sd3(folder, tmp_path / "models/three.safetensors")
    (components.sidecar(file) / "tokenizer_3").rename(tmp_path / "away")
    model = ModelRef("sd/tiny", str(file), "sd3", "single_file", 64, root=str(file.parent))
    order = replace(spec, scheduler="euler", height=64)
    mine = pixels(model, order)
    assert "drawn without its text_encoder_3" in caplog.text
    (tmp_path / "away").rename(components.sidecar(file) / "tokenizer_3")
    assert pixels(model, order) != mine
    for part in ("text_encoder_3", "tokenizer_3"):
        index = json.loads((folder / "model_index.json").read_text()) | {part: [None, None]}
        (folder / "model_index.json").write_text(json.dumps(index))
        (folder / part).rename(tmp_path / part)
    theirs = pixels(replace(model, path=str(folder), layout="diffusers"), order)
    assert max(abs(one - other) for one, other in zip(mine, theirs, strict=True)) <= 1
