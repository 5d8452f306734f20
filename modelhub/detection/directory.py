"""A folder in diffusers' layout: a whole pipeline, or one part of one."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelhub import tokenizers, variants
from modelhub.detection.configs import Configs, read_json
from modelhub.detection.contents import PICKLES
from modelhub.detection.found import Detected, NotUsable, State, cannot_run, inside, shown
from modelhub.detection.signatures import WIDTHS
from modelhub.detection.single_file import precision, quantised
from modelhub.detection.tensors import Tensors
from modelhub.families import TRAITS, Family, traits_of
from modelhub.kinds import Kind
from modelhub.variants import STEMS
from modelhub.weights import Header, WeightsUnreadable, read_header

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

# Pipelines of one architecture; which family, the width of their text tells.
SD_PIPELINES: Mapping[str, str] = {
    TRAITS[Family.SD1].pipeline: "",
    "StableDiffusionInpaintPipeline": "inpaint",
    "StableDiffusionInstructPix2PixPipeline": "edit",
    "LatentConsistencyModelPipeline": "lcm",
}
CLASSES: Mapping[str, tuple[Family, str]] = {
    **{traits.pipeline: (family, "") for family, traits in TRAITS.items()},
    **{name: (Family.SD_CUSTOM, variant) for name, variant in SD_PIPELINES.items()},
    "StableDiffusionDepth2ImgPipeline": (Family.SD2, "depth"),
    "StableDiffusionUpscalePipeline": (Family.SD2, "upscale"),
    "StableDiffusionXLImg2ImgPipeline": (Family.SDXL, ""),
    "StableDiffusionXLInpaintPipeline": (Family.SDXL, "inpaint"),
    "StableDiffusionXLInstructPix2PixPipeline": (Family.SDXL, "edit"),
    "FluxFillPipeline": (Family.FLUX, "fill"),
    "FluxControlPipeline": (Family.FLUX, "control"),
    "FluxKontextPipeline": (Family.FLUX, "kontext"),
    "Flux2KleinPipeline": (Family.FLUX2, ""),
    "PixArtAlphaPipeline": (Family.PIXART, ""),
    "SanaSprintPipeline": (Family.SANA, ""),
    "QwenImageEditPipeline": (Family.QWEN_IMAGE, ""),
    "QwenImageEditPlusPipeline": (Family.QWEN_IMAGE, ""),
    "Lumina2Text2ImgPipeline": (Family.LUMINA2, ""),
    "StableCascadePriorPipeline": (Family.CASCADE, ""),
    "StableCascadeDecoderPipeline": (Family.CASCADE, ""),
    "WanImageToVideoPipeline": (Family.WAN, ""),
    "LTXImageToVideoPipeline": (Family.LTX_VIDEO, ""),
    "HunyuanVideoImageToVideoPipeline": (Family.HUNYUAN_VIDEO, ""),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part that lies alone in a folder; `width` is the key of its configuration that tells."""

    kind: Kind
    variant: str = ""
    family: Family | None = None
    width: str = ""
    title: str = ""
    library: str = "diffusers"


PARTS_ALONE: Mapping[str, Part] = {
    "AutoencoderKL": Part(Kind.VAE),
    "AutoencoderTiny": Part(Kind.VAE, "tiny"),
    "AutoencoderKLWan": Part(Kind.VAE, family=Family.WAN),
    "AutoencoderDC": Part(Kind.VAE, family=Family.SANA),
    "ControlNetModel": Part(Kind.CONTROLNET, width="cross_attention_dim"),
    "ControlNetUnionModel": Part(Kind.CONTROLNET, "union", width="cross_attention_dim"),
    "FluxControlNetModel": Part(Kind.CONTROLNET, family=Family.FLUX),
    "SD3ControlNetModel": Part(Kind.CONTROLNET, family=Family.SD3),
    "T2IAdapter": Part(Kind.CONTROLNET, "t2i-adapter", title="T2I-Adapter"),
    "CLIPTextModel": Part(Kind.TEXT_ENCODER, "clip", library="transformers"),
    "CLIPTextModelWithProjection": Part(Kind.TEXT_ENCODER, "clip", library="transformers"),
    "T5EncoderModel": Part(Kind.TEXT_ENCODER, "t5", library="transformers"),
    "CLIPVisionModelWithProjection": Part(Kind.IP_ADAPTER, "image-encoder", library="transformers"),
}


def look(path: Path, root: Path, found: Detected) -> Detected:
    """Raises NotUsable, or WeightsUnreadable for a part."""
    if alone(path) and not (path / "model_index.json").exists():
        return _part(path, root, found)
    return _pipeline(path, root, found)


def alone(path: Path) -> bool:
    """Whether this is the folder of one part, not of a pipeline."""
    whole = ("model_index.json", *DENOISERS)
    return (path / "config.json").is_file() and not any((path / name).exists() for name in whole)


def part_class(config: Mapping[str, Any]) -> str:
    names = config.get("architectures")
    first = names[0] if isinstance(names, list) and names else ""
    return str(config.get("_class_name") or first)


def _part(path: Path, root: Path, found: Detected) -> Detected:
    config = read_json(path / "config.json", root)
    row = PARTS_ALONE.get(part_class(config))
    if row is None:
        raise NotUsable(State.UNSUPPORTED, f"{shown(part_class(config))} alone is not supported")
    _refuse_code(path)
    headers = _weights(path, root, STEMS[row.library], needed=True)
    width = config.get(row.width) if row.width else None
    known = WIDTHS.get(width) if isinstance(width, int) else None
    family = row.family or (known[0] if known else None)
    return replace(
        found,
        kind=row.kind,
        family=family,
        variant=row.variant,
        native_resolution=traits_of(family).native if family else 0,
        precision=_precision(headers),
        state=State.UNSUPPORTED if row.title else State.READY,
        detail=f"recognised as {row.title}; this version cannot run it" if row.title else "",
    )


def _pipeline(path: Path, root: Path, found: Detected) -> Detected:
    index = read_json(path / "model_index.json", root)
    name = str(index.get("_class_name"))
    if name not in CLASSES:
        raise NotUsable(State.UNSUPPORTED, f"{shown(index.get('_class_name'))} is not supported")
    family, variant = CLASSES[name]
    if not TRAITS[family].runnable:
        return _not_run(found, family, variant)
    parts = _parts(index)
    _refuse_code(path)
    configs = Configs(path, root, index)
    family = configs.by_width() if name in SD_PIPELINES else family
    variant, source = configs.variant(family, variant)
    if not traits_of(family, variant).runnable:
        return _not_run(found, family, variant)
    _check_words(path, index, parts)
    headers = {
        part: _weights(path / part, root, STEMS[library], needed=part in WEIGHED)
        for part, library in parts.items()
    }
    denoiser = next((part for part in DENOISERS if part in headers), None)
    if denoiser is None or not {"vae", "text_encoder"} <= headers.keys():
        raise NotUsable(State.CORRUPT, "model_index.json names no unet, vae or text_encoder")
    reason = _kept_badly(headers.values())
    return replace(
        found,
        family=family,
        variant=variant,
        prediction_type=configs.prediction(),
        native_resolution=configs.native(denoiser, traits_of(family, variant)),
        precision=_precision(headers[denoiser]),
        metadata={"variantFrom": source} if source else {},
        state=State.UNSUPPORTED if reason else State.READY,
        detail=reason,
    )


def _kept_badly(parts: Iterable[list[Header]]) -> str:
    """Why one of the parts, as its numbers are kept, cannot be used; empty: all can."""
    reasons = (quantised(_precision(headers)) for headers in parts if headers)
    return next(filter(None, reasons), "")


def _not_run(found: Detected, family: Family, variant: str) -> Detected:
    return replace(
        found,
        family=family,
        variant=variant,
        native_resolution=traits_of(family, variant).native,
        state=State.UNSUPPORTED,
        detail=cannot_run(family, variant, found.layout),
    )


def _parts(index: Mapping[str, Any]) -> dict[str, str]:
    """Part -> the library its class is of."""
    parts = {}
    for name, value in index.items():
        if name.startswith("_") or not isinstance(value, list) or value == [None, None]:
            continue
        if not name.isidentifier() or not _known(value):
            raise NotUsable(State.UNSUPPORTED, f"its part {shown(name)} is foreign code")
        parts[name] = value[0]
    return parts


def _known(value: list[Any]) -> bool:
    library, name = (*value, None, None)[:2]
    return library in LIBRARIES and (name in PART_CLASSES or str(name).endswith("Scheduler"))


def _refuse_code(path: Path) -> None:
    if next(path.rglob("*.py"), None):
        raise NotUsable(State.UNSUPPORTED, "it brings Python code, which is never run")


def _check_words(path: Path, index: Mapping[str, Any], parts: Iterable[str]) -> None:
    for part in parts:
        cls, folder = str(index[part][1]), path / part
        if "Tokenizer" in cls and folder.is_dir() and (problem := tokenizers.lack(folder, cls)):
            unread = tokenizers.has_pieces([folder])
            raise NotUsable(State.UNSUPPORTED if unread else State.CORRUPT, problem)


def _weights(folder: Path, root: Path, stem: str, *, needed: bool) -> list[Header]:
    """The headers of what is read of the folder's weights."""
    if not folder.is_dir():
        raise NotUsable(State.CORRUPT, f"its part {folder.name} is missing")
    files = {file.name: file for file in folder.iterdir() if file.is_file()}
    sets = variants.whole(files, stem)
    if not sets and any(file.suffix in PICKLES for file in files.values()):
        raise NotUsable(State.UNSUPPORTED, f"{folder.name} has pickled weights, no .safetensors")
    if not sets and needed:
        raise NotUsable(State.CORRUPT, f"{folder.name} has no whole {stem}.safetensors weights")
    if not sets:
        return []
    chosen = sets[0]
    if chosen.listing:
        _check_shards(files[chosen.listing], root, chosen.files)
    try:
        return [read_header(inside(files[name], root)) for name in chosen.files]
    except WeightsUnreadable as problem:
        raise NotUsable(State.CORRUPT, f"{folder.name}: {problem}") from None


def _check_shards(listing: Path, root: Path, files: Collection[str]) -> None:
    shards = read_json(listing, root).get("weight_map")
    missing = {str(s) for s in shards.values()} - set(files) if isinstance(shards, dict) else {"?"}
    if missing:
        raise NotUsable(State.CORRUPT, f"{listing.parent.name} lacks {shown(min(missing))}")


def _precision(headers: list[Header]) -> str:
    largest = max(headers, key=lambda header: header.size_bytes)
    return precision(Tensors(largest.tensors), largest)
