"""What a folder or file of weights is, from its JSON and headers alone; nothing is ever loaded."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelhub.families import TRAITS, Family
from modelhub.models import CatalogModel
from modelhub.weights import Header, WeightsUnreadable, read_header

State = CatalogModel.State
Layout = CatalogModel.Layout

MAX_JSON_BYTES = 4_000_000
PICKLES = frozenset({".bin", ".ckpt", ".pt", ".pth", ".pkl"})
LIBRARIES = frozenset({"diffusers", "transformers", "stable_diffusion"})
# What a pipeline may be made of; a folder naming any other class is foreign code.
PART_CLASSES = frozenset(
    {
        "AutoencoderKL",
        "UNet2DConditionModel",
        "SD3Transformer2DModel",
        "FluxTransformer2DModel",
        "CLIPTextModel",
        "CLIPTextModelWithProjection",
        "CLIPVisionModelWithProjection",
        "T5EncoderModel",
        "CLIPTokenizer",
        "CLIPTokenizerFast",
        "T5Tokenizer",
        "T5TokenizerFast",
        "CLIPImageProcessor",
        "CLIPFeatureExtractor",
        "StableDiffusionSafetyChecker",
    }
)
# A folder names one of these the part that predicts noise.
DENOISERS = ("unet", "transformer")
WEIGHED = frozenset({*DENOISERS, "vae", "text_encoder", "text_encoder_2", "text_encoder_3"})
SMALLEST, LARGEST = 8, 8192

# Families that share a pipeline class are told apart by the text encoder's width.
WIDTHS: Mapping[int, Family] = {768: Family.SD1, 1024: Family.SD2}
CLASSES: Mapping[str, Family] = {
    traits.pipeline: family
    for family, traits in TRAITS.items()
    if traits.pipeline != TRAITS[Family.SD1].pipeline
} | {TRAITS[Family.SD1].pipeline: Family.SD_CUSTOM}

# A checkpoint in one file is known by tensors that only its family has; the first row that fits.
SIGNATURES: tuple[tuple[str, Family], ...] = (
    ("conditioner.embedders.1.", Family.SDXL),
    ("model.diffusion_model.joint_blocks.", Family.SD3),
    ("double_blocks.", Family.FLUX),
    ("model.diffusion_model.double_blocks.", Family.FLUX),
    ("cond_stage_model.model.", Family.SD2),
    ("cond_stage_model.transformer.", Family.SD1),
)


@dataclass(frozen=True, slots=True)
class Detected:
    """What was found. `native_resolution` in pixels, 0 when unknown; `detail` says why not ready."""

    layout: Layout
    family: Family | None = None
    native_resolution: int = 0
    size_bytes: int = 0
    precision: str = ""
    state: State = State.READY
    detail: str = ""


class NotUsable(Exception):
    """Ends the look at one model: `state` and the reason a person reads."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state = state


def detect(path: Path, root: Path) -> Detected:
    """What lies at `path` inside the models folder `root`. Never raises for what a file holds."""
    layout = Layout.DIFFUSERS if path.is_dir() else Layout.SINGLE_FILE
    found = Detected(layout)
    look = _directory if path.is_dir() else _single_file
    try:
        found = replace(found, size_bytes=_size(path, root))
        return look(path, root, found)
    except NotUsable as problem:
        return replace(found, state=problem.state, detail=str(problem))
    except WeightsUnreadable as problem:
        return replace(found, state=State.CORRUPT, detail=str(problem))
    except OSError as problem:
        return replace(found, state=State.CORRUPT, detail=f"cannot be read: {problem.strerror}")


def _directory(path: Path, root: Path, found: Detected) -> Detected:
    index = _json(path / "model_index.json", root)
    family = CLASSES.get(str(index.get("_class_name")))
    if family is None:
        raise NotUsable(State.UNSUPPORTED, f"{_shown(index.get('_class_name'))} is not supported")
    parts = _parts(index)
    _refuse_code(path, parts)
    headers = {part: _weights(path / part, root) for part in parts}
    denoiser = next((part for part in DENOISERS if part in headers), None)
    if denoiser is None or not {"vae", "text_encoder"} <= headers.keys():
        raise NotUsable(State.CORRUPT, "model_index.json names no unet, vae or text_encoder")
    return replace(
        found,
        family=_by_width(path, root) if family is Family.SD_CUSTOM else family,
        native_resolution=_native(path, root, denoiser, family),
        precision=_precision(headers[denoiser]),
    )


def _single_file(path: Path, root: Path, found: Detected) -> Detected:
    if path.suffix.lower() in PICKLES:
        raise NotUsable(
            State.UNSUPPORTED,
            f"{path.suffix} files can run code when they are opened: convert it to .safetensors",
        )
    header = read_header(_inside(path, root))
    family = next((f for start, f in SIGNATURES if _any_starts(header.names, start)), None)
    if family is None:
        raise NotUsable(State.UNSUPPORTED, "no known kind of checkpoint")
    return replace(
        found,
        family=family,
        native_resolution=TRAITS[family].native,
        precision=header.precision,
        state=State.UNSUPPORTED,
        detail="checkpoints in one file cannot be loaded yet: use the diffusers folder",
    )


def _any_starts(names: Iterable[str], start: str) -> bool:
    return any(name.startswith(start) for name in names)


def _parts(index: Mapping[str, Any]) -> list[str]:
    parts = []
    for name, value in index.items():
        if name.startswith("_") or not isinstance(value, list) or value == [None, None]:
            continue
        if not name.isidentifier() or not _known(value):
            raise NotUsable(State.UNSUPPORTED, f"its part {_shown(name)} is foreign code")
        parts.append(name)
    return parts


def _known(value: list[Any]) -> bool:
    library, name = (*value, None, None)[:2]
    return library in LIBRARIES and (name in PART_CLASSES or str(name).endswith("Scheduler"))


def _refuse_code(path: Path, parts: Iterable[str]) -> None:
    for folder in (path, *(path / part for part in parts)):
        if next(folder.glob("*.py"), None):
            raise NotUsable(State.UNSUPPORTED, "it brings Python code, which is never run")


def _weights(folder: Path, root: Path) -> list[Header]:
    if not folder.is_dir():
        raise NotUsable(State.CORRUPT, f"its part {folder.name} is missing")
    files = {file.name: file for file in folder.glob("*.safetensors") if file.is_file()}
    if not files and any(file.suffix in PICKLES for file in folder.iterdir()):
        raise NotUsable(State.UNSUPPORTED, f"{folder.name} has pickled weights, no .safetensors")
    if not files and folder.name in WEIGHED:
        raise NotUsable(State.CORRUPT, f"{folder.name} has no .safetensors weights")
    for index in folder.glob("*.safetensors.index.json"):
        _check_shards(index, root, files)
    try:
        return [read_header(_inside(file, root)) for file in files.values()]
    except WeightsUnreadable as problem:
        raise NotUsable(State.CORRUPT, f"{folder.name}: {problem}") from None


def _check_shards(index: Path, root: Path, files: Mapping[str, Path]) -> None:
    shards = _json(index, root).get("weight_map")
    missing = (
        {str(s) for s in shards.values()} - files.keys() if isinstance(shards, dict) else {"?"}
    )
    if missing:
        raise NotUsable(State.CORRUPT, f"{index.parent.name} lacks {_shown(min(missing))}")


def _by_width(path: Path, root: Path) -> Family:
    width = _number(_json(path / "text_encoder" / "config.json", root), "hidden_size")
    expected = _number(_json(path / "unet" / "config.json", root), "cross_attention_dim")
    if width != expected:
        raise NotUsable(
            State.CORRUPT, f"the unet takes text {expected} wide, the text encoder gives {width}"
        )
    return WIDTHS.get(width, Family.SD_CUSTOM)


def _native(path: Path, root: Path, denoiser: str, family: Family) -> int:
    config = _json(path / denoiser / "config.json", root)
    if config.get("sample_size") is None:
        return TRAITS[family].native
    blocks = _json(path / "vae" / "config.json", root).get("block_out_channels")
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= 8:
        raise NotUsable(State.CORRUPT, "vae/config.json: block_out_channels is no list")
    native = _number(config, "sample_size") << (len(blocks) - 1)
    if not SMALLEST <= native <= LARGEST:
        raise NotUsable(State.CORRUPT, f"{denoiser}/config.json: {native} px is no picture size")
    return native


def _precision(headers: list[Header]) -> str:
    return max(headers, key=lambda header: header.size_bytes).precision


def _number(config: Mapping[str, Any], key: str) -> int:
    value = config.get(key)
    # Some configurations give one value a block or a side; they agree, so the first stands for all.
    first: object = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, int) or isinstance(first, bool) or not 0 < first <= 1_000_000:
        raise NotUsable(State.CORRUPT, f"config.json: {key} is {_shown(value)}")
    return first


def _json(file: Path, root: Path) -> dict[str, Any]:
    where = f"{file.parent.name}/{file.name}"
    if not file.is_file():
        raise NotUsable(State.CORRUPT, f"{where} is missing")
    if _inside(file, root).stat().st_size > MAX_JSON_BYTES:
        raise NotUsable(State.CORRUPT, f"{where} is too large")
    try:
        data = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        raise NotUsable(State.CORRUPT, f"{where} is not readable JSON") from None
    if not isinstance(data, dict):
        raise NotUsable(State.CORRUPT, f"{where} is no JSON object")
    return data


def _inside(file: Path, root: Path) -> Path:
    if not file.resolve().is_relative_to(root.resolve()):
        raise NotUsable(State.UNSUPPORTED, f"{file.name} is a link out of the models folder")
    return file


def _size(path: Path, root: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    inside = root.resolve()
    return sum(
        file.stat().st_size
        for file in files
        if file.is_file() and file.resolve().is_relative_to(inside)
    )


def _shown(value: object) -> str:
    return ascii(value)[:80]
