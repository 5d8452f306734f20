"""Parts that a checkpoint leaves out, as people keep them: a VAE, CLIP and T5 in files of their own."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from generation.engine.backends.diffusers_local.conversions import State, quantised
from generation.engine.contract import ModelRef
from generation.engine.errors import ModelUnloadable, NotSupported
from modelhub.kinds import NAMINGS, WEIGHTS, Kind

Shapes = Mapping[str, list[int]]
_CLIP_TOKENS = "embeddings.token_embedding.weight"


def folder_of(part: str) -> str:
    return NAMINGS[Kind.VAE if part == "vae" else Kind.TEXT_ENCODER].folder


def state(model: ModelRef, part: str, config: Mapping[str, Any]) -> State:
    """The tensors of the one file that fits; empty where there is none."""
    if part != "vae" and not part.startswith("text_encoder"):
        return {}
    fitting = [path for path in _files(model, part) if _fits(path, part, config)]
    if len(fitting) > 1:
        fitting = _preferred(fitting, model.family)
    if len(fitting) > 1:
        named = ", ".join(path.name for path in fitting)
        raise ModelUnloadable(
            f"More than one file could be its {part} ({named}): leave one in {folder_of(part)}/."
        )
    if not fitting:
        return {}
    _refuse_quantised(fitting[0])
    return load_file(fitting[0])


def tokenizer_folders(model: ModelRef, name: str, cls: str) -> list[Path]:
    """T5's tokenizer may lie beside its weights; CLIP's ships with us and is not looked for."""
    if not model.root or not cls.startswith("T5"):
        return []
    shelf = Path(model.root) / folder_of(name)
    return [shelf / name, shelf]


def _files(model: ModelRef, part: str) -> Iterator[Path]:
    shelf = Path(model.root) / folder_of(part)
    if model.root and shelf.is_dir():
        inside = Path(model.root).resolve()
        for path in sorted(shelf.rglob("*")):
            if path.suffix.lower() in WEIGHTS and path.resolve().is_relative_to(inside):
                yield path


def _fits(path: Path, part: str, config: Mapping[str, Any]) -> bool:
    """By content: names that only this kind of part has, as wide as the configuration says."""
    try:
        with safe_open(path, framework="pt") as weights:
            names = weights.keys()
            shapes = {name: list(weights.get_slice(name).get_shape()) for name in names}
    except (SafetensorError, OSError):
        return False
    if part == "vae":
        return _width(shapes, "decoder.conv_in.weight") == int(config["latent_channels"])
    if config["model_type"] == "t5":
        own = _width(shapes, "shared.weight") or _width(shapes, "encoder.embed_tokens.weight")
        return own == int(config["d_model"])
    # Files of either form exist: with the tower's name before each tensor, and without.
    widths = {_width(shapes, f"{tower}{_CLIP_TOKENS}") for tower in ("text_model.", "")}
    return config["hidden_size"] in widths


def _width(shapes: Shapes, name: str) -> int:
    shape = shapes.get(name, [])
    return shape[1] if len(shape) > 1 else 0


def _preferred(paths: list[Path], family: str) -> list[Path]:
    """Of VAEs alike in shape the one named for the family; of precisions the finest."""
    named = [p for p in paths if p.stem == "ae" or family in p.stem.lower()]
    if named and paths[0].parent.name == folder_of("vae"):
        return named
    largest = max(path.stat().st_size for path in paths)
    sized = [path for path in paths if path.stat().st_size == largest]
    return sized if len(sized) < len(paths) else paths


def _refuse_quantised(path: Path) -> None:
    with safe_open(path, framework="pt") as weights:
        if name := quantised(weights.keys()):
            raise NotSupported(f"{path.name} is quantised in a way that is not supported ({name}).")
