"""Checkpoints that are damaged, foreign or dangerous do not load, and say why."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from generation.engine.backends.diffusers_local import loading
from generation.engine.backends.diffusers_local.pipelines import PIPELINES
from generation.engine.contract import ModelRef, Task
from generation.engine.errors import ModelUnloadable, NotSupported
from modelhub.detection import directory
from modelhub.families import traits_of

torch = pytest.importorskip("torch")
CPU = torch.device("cpu")
UNET = "unet/diffusion_pytorch_model.safetensors"
Damage = Callable[[Path], Any]


@pytest.fixture
def copy(sd: ModelRef, tmp_path: Path) -> ModelRef:
    """The tiny checkpoint in a place of its own, to be damaged."""
    return replace(sd, path=str(shutil.copytree(sd.path, tmp_path / "copy")))


def rewrite(name: str, **changes: Any) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return damage


def cut(folder: Path) -> None:
    weights = folder / UNET
    weights.write_bytes(weights.read_bytes()[:-1000])


def garble(folder: Path) -> None:
    (folder / UNET).write_bytes(b"\xff" * 4096)


def drop_tensor(folder: Path) -> None:
    tensors = load_file(folder / UNET)
    del tensors["conv_out.weight"]
    save_file(tensors, folder / UNET, metadata={"format": "pt"})


def pickle_only(folder: Path) -> None:
    (folder / UNET).rename(folder / "unet/diffusion_pytorch_model.bin")


DAMAGES: dict[str, tuple[Damage, str]] = {
    "no index": (lambda f: (f / "model_index.json").unlink(), "model_index"),
    "index no json": (lambda f: (f / "model_index.json").write_text("{"), "cannot be loaded"),
    "no weights": (lambda f: (f / UNET).unlink(), "unet has no weights"),
    "no vae": (lambda f: shutil.rmtree(f / "vae"), "vae folder is missing"),
    "no tokenizer": (lambda f: shutil.rmtree(f / "tokenizer"), "tokenizer folder is missing"),
    "no vocabulary": (lambda f: (f / "tokenizer/vocab.json").unlink(), "has no tokenizer.json"),
    "no scheduler": (lambda f: shutil.rmtree(f / "scheduler"), "scheduler"),
    "cut weights": (cut, "cannot be loaded"),
    "garbled weights": (garble, "cannot be loaded"),
    "a tensor short": (drop_tensor, "lacks 1 tensors, among them conv_out.weight"),
    "other shapes": (rewrite("unet/config.json", block_out_channels=[8, 32]), "cannot be loaded"),
    "pickle only": (pickle_only, "unet has no weights in the safetensors format"),
    "foreign pipeline": (rewrite("model_index.json", _class_name="FluxPipeline"), "FluxPipeline"),
    "foreign class": (rewrite("model_index.json", unet=["evil", "Unet"]), "evil.Unet"),
    "program code": (lambda f: (f / "unet/evil.py").write_text(""), "program code"),
    "map of others": (
        lambda f: (f / "latent_rgb.json").write_text('{"bias": [1,1,1], "factors": [[1,1,1]]}'),
        "4 channels",
    ),
    "bad map": (lambda f: (f / "latent_rgb.json").write_text('{"bias": 1}'), "latent_rgb"),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_checkpoints_do_not_load(copy: ModelRef, damage: Damage, said: str) -> None:
    damage(Path(copy.path))
    with pytest.raises(ModelUnloadable, match=said):
        loading.load(copy, CPU)


def test_errors_do_not_tell_where_files_lie(copy: ModelRef) -> None:
    (Path(copy.path) / "model_index.json").unlink()
    with pytest.raises(ModelUnloadable) as caught:
        loading.load(copy, CPU)
    assert Path(copy.path).name not in str(caught.value)


def test_missing_folder_does_not_load(sd: ModelRef) -> None:
    with pytest.raises(ModelUnloadable):
        loading.load(replace(sd, path="/nonexistent"), CPU)


def test_refiners_are_refused(sdxl: ModelRef) -> None:
    with pytest.raises(NotSupported, match="refiner only finishes"):
        loading.load(replace(sdxl, variant="refiner"), CPU)


def test_inpainting_unets_are_refused(copy: ModelRef) -> None:
    unet = loading.load(copy, CPU).pipe.unet
    wide = type(unet).from_config(unet.config, in_channels=9)
    wide.save_pretrained(Path(copy.path) / "unet")
    with pytest.raises(NotSupported, match="inpainting"):
        loading.load(copy, CPU)


def test_half_precision_variant_loads(copy: ModelRef, sd: ModelRef) -> None:
    for path in Path(copy.path).rglob("*.safetensors"):
        path.rename(path.with_suffix(".fp16.safetensors"))
    pipe = loading.load(copy, CPU).pipe
    assert torch.equal(pipe.unet.conv_in.weight, loading.load(sd, CPU).pipe.unet.conv_in.weight)


@pytest.mark.parametrize("variant", ["fp16", "bf16"])
def test_shards_of_a_variant_load(copy: ModelRef, sd: ModelRef, variant: str) -> None:
    pipe = loading.load(sd, CPU).pipe
    for name in ("unet", "vae", "text_encoder"):
        next((Path(copy.path) / name).glob("*.safetensors")).unlink()
        part = getattr(pipe, name)
        part.save_pretrained(Path(copy.path) / name, variant=variant, max_shard_size="40KB")
    assert list(Path(copy.path).rglob(f"*.{variant}-00002-of-*.safetensors"))
    assert torch.equal(pipe.unet.conv_in.weight, loading.load(copy, CPU).pipe.unet.conv_in.weight)


def test_every_class_that_is_detected_as_runnable_loads(copy: ModelRef) -> None:
    """What is listed as ready must not turn out to be foreign when it is drawn with."""
    for cls, (family, variant) in directory.CLASSES.items():
        row = PIPELINES.get((family, Task.TXT2IMG))
        if row and traits_of(family, variant).runnable:
            assert cls in {row.cls, *row.twins}, cls
    rewrite("model_index.json", _class_name="LatentConsistencyModelPipeline")(Path(copy.path))
    assert loading.load(copy, CPU).pipe
    rewrite("model_index.json", _class_name="StableDiffusionXLImg2ImgPipeline")(Path(copy.path))
    with pytest.raises(ModelUnloadable, match="Img2Img"):
        loading.load(copy, CPU)


def test_older_tokenizer_name_loads(copy: ModelRef) -> None:
    fast = ["transformers", "CLIPTokenizerFast"]
    rewrite("model_index.json", tokenizer=fast)(Path(copy.path))
    assert loading.load(copy, CPU).pipe.tokenizer


def test_small_models_compute_in_full_precision_on_a_cpu(sd: ModelRef) -> None:
    warm = loading.load(sd, CPU)
    assert warm.dtype == warm.pipe.unet.dtype == torch.float32
