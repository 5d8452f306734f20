"""Weights in one file: what they are, from names and shapes; what is not said there, from metadata."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelhub.detection import told
from modelhub.detection.adapters import adapter, base
from modelhub.detection.companions import COMPANIONS, PIECES, Companion, facts, fitting, one_word
from modelhub.detection.contents import FOREIGN, PICKLES, head_of, named, why_not
from modelhub.detection.found import Detected, NotUsable, State, cannot_run, inside
from modelhub.detection.signatures import (
    CHANNELS,
    OUT_OF_A_FOLDER,
    PARTS,
    PLAYGROUND,
    PREFIXES,
    QUANTISED,
    T5,
    TRANSFORMERS,
    UNETS,
    V_PREDICTION,
    VIDEO_UNET,
    WIDTHS,
)
from modelhub.detection.tensors import Tensors
from modelhub.families import Family, Prediction, traits_of
from modelhub.kinds import Kind
from modelhub.weights import Header, WeightsUnreadable, read_header

Looks = tuple[Family, str]


def look(path: Path, root: Path, found: Detected) -> Detected:
    """Raises NotUsable or WeightsUnreadable."""
    if path.suffix.lower() in PICKLES | FOREIGN:
        raise NotUsable(State.UNSUPPORTED, why_not(inside(path, root)))
    header = _header(inside(path, root))
    tensors = Tensors(header.tensors)
    found = replace(
        found,
        precision=precision(tensors, header),
        metadata=told.kept(header.metadata),
        trigger_words=told.trigger_words(header.metadata),
    )
    known = (
        _adapter(tensors, header, found)
        or _companion(fitting(COMPANIONS, tensors), tensors, header, found)
        or _checkpoint(path, tensors, header, found)
        or _companion(fitting(PIECES, tensors) or one_word(tensors), tensors, header, found)
    )
    if known is None:
        raise NotUsable(State.UNSUPPORTED, "no known kind of weights")
    return _with_word(path, tensors, known)


def precision(tensors: Tensors, header: Header) -> str:
    quantised = (name for pattern, name in QUANTISED if tensors.has(pattern))
    return next(quantised, "") or header.precision


def _header(file: Path) -> Header:
    try:
        return read_header(file)
    except WeightsUnreadable:
        if title := named(head_of(file)):
            raise WeightsUnreadable(f"{file.name} is {title}, no safetensors file") from None
        raise


def _adapter(tensors: Tensors, header: Header, found: Detected) -> Detected | None:
    known = adapter(tensors, header.metadata)
    if known is None:
        return None
    more: dict[str, Any] = {"naming": known.naming, **facts(known.kind, tensors)}
    return replace(
        found,
        kind=known.kind,
        family=known.family,
        variant=known.variant,
        native_resolution=traits_of(known.family).native if known.family else 0,
        metadata=found.metadata | more,
    )


def _companion(
    row: Companion | None, tensors: Tensors, header: Header, found: Detected
) -> Detected | None:
    if row is None:
        return None
    family = row.family_of(tensors) or base(header.metadata)
    reason = f"recognised as {row.title}; this version cannot run it" if row.title else ""
    reason = reason or quantised(found.precision)
    return replace(
        found,
        kind=row.kind,
        family=family,
        variant=row.variant,
        native_resolution=traits_of(family).native if family else 0,
        metadata=found.metadata | facts(row.kind, tensors),
        state=State.UNSUPPORTED if reason else State.READY,
        detail=reason,
    )


def _with_word(path: Path, tensors: Tensors, found: Detected) -> Detected:
    """An embedding is called by the word it is kept under, or by its file's name."""
    if found.kind is not Kind.EMBEDDING or found.trigger_words:
        return found
    names = [name for name, _ in tensors.named("<*>")]
    return replace(found, trigger_words=told.words([names[0] if names else path.stem]))


def _checkpoint(path: Path, tensors: Tensors, header: Header, found: Detected) -> Detected | None:
    looks = _looks(tensors)
    if looks is None:
        return None
    family, variant = looks
    source = "weights" if variant else ""
    named, told_by = _said(family, header.metadata, path)
    # A distilled one among those of the same shape.
    if named and (not variant or named.startswith(f"{variant}-")):
        variant, source = named, told_by
    predicts = _predicts(tensors, header.metadata, found.sidecar)
    if family is Family.SD2 and not variant and predicts == Prediction.EPSILON:
        variant, source = "base", "prediction type"
    more: dict[str, Any] = {"variantFrom": source} if source else {}
    # Whoever runs it looks for these in text-encoders/ and vaes/, and names what is not there.
    if missing := _lacks(family, tensors):
        more["partsElsewhere"] = missing
    found = replace(
        found,
        family=family,
        variant=variant,
        prediction_type=predicts,
        native_resolution=traits_of(family, variant).native,
        metadata=found.metadata | more,
    )
    reason = cannot_run(family, variant, found.layout)
    reason = reason or _out_of_a_folder(tensors) or quantised(found.precision)
    if reason:
        return replace(found, state=State.UNSUPPORTED, detail=reason)
    return replace(found, detail=_without_t5(family, tensors))


def _without_t5(family: Family, tensors: Tensors) -> str:
    """What Stable Diffusion 3 does without; FLUX cannot, and says so when it is drawn with."""
    if family is not Family.SD3:
        return ""
    weights = "" if tensors.has(T5) else "T5's weights (t5xxl_*.safetensors) and "
    return (
        f"without {weights}T5's tokenizer.json in text-encoders/ it reads 77 tokens of a prompt at "
        "most"
    )


def _looks(tensors: Tensors) -> Looks | None:
    denoiser = tensors.under(*PREFIXES)
    unet = _unet(denoiser)
    if unet and tensors.has(PLAYGROUND) and unet[0] is Family.SDXL:
        return Family.SDXL, "playground"
    if unet:
        return unet
    row = next((row for row in TRANSFORMERS if row.fits(denoiser)), None)
    return (row.family, row.variant) if row else None


def _unet(denoiser: Tensors) -> Looks | None:
    row = next((row for row in UNETS if all(denoiser.has(name) for name in row.has)), None)
    if row is None or denoiser.has(VIDEO_UNET):
        return None
    width, channels = denoiser.side(row.text, 1), denoiser.side(row.channels, 1)
    if not width:
        return None
    if width == WIDTHS_OF_KOLORS and denoiser.has(KOLORS_TEXT):
        return Family.KOLORS, ""
    family, variant = WIDTHS.get(width, (Family.SD_CUSTOM, ""))
    variant = CHANNELS.get(channels, "") or variant
    if not variant and denoiser.has(row.lcm):
        variant = "lcm"
    return family, variant


# SDXL's U-Net behind a layer that brings a language model's text to its width.
WIDTHS_OF_KOLORS, KOLORS_TEXT = 2048, "encoder_hid_proj.weight"


def _said(family: Family, metadata: Mapping[str, str], path: Path) -> tuple[str, str]:
    """What weights cannot tell: distilled ones have the very same shapes."""
    if variant := told.variant(family, metadata):
        return variant, "metadata"
    variant = told.named_in(family, path.stem.lower())
    return variant, "its name" if variant else ""


def _predicts(tensors: Tensors, metadata: Mapping[str, str], sidecar: Mapping[str, Any]) -> str:
    if said := sidecar.get("prediction_type"):
        return str(said)
    if any(tensors.has(marker) for marker in V_PREDICTION):
        return Prediction.V
    return told.prediction(metadata) or ""


def _lacks(family: Family, tensors: Tensors) -> list[str]:
    parts = PARTS.get(family, {})
    return [part for part, name in parts.items() if not tensors.has(name)]


def _out_of_a_folder(tensors: Tensors) -> str:
    alone = any(tensors.under(*PREFIXES).has(name) for name in OUT_OF_A_FOLDER)
    return "it is one part of a diffusers folder: use the whole folder" if alone else ""


def quantised(precision: str) -> str:
    """Why weights kept like this are not used; empty: they are."""
    if precision not in {name for _, name in QUANTISED}:
        return ""
    return f"its weights are kept as {precision}; this version cannot run them"
