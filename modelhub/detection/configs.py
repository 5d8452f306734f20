"""What the configurations in a diffusers folder say: size, prediction, variant."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelhub.detection import told
from modelhub.detection.found import NotUsable, State, inside, shown
from modelhub.detection.signatures import CHANNELS, WIDTHS
from modelhub.families import Family, Prediction, Traits

MAX_JSON_BYTES = 4_000_000
SMALLEST, LARGEST = 8, 8192
# Channels that go into FLUX's transformer beside the 64 of a picture.
FLUX_CHANNELS: Mapping[int, str] = {384: "fill", 128: "control"}
LARGE_LAYERS = 38


class Configs:
    """The configurations of one folder. `index` is its model_index.json."""

    def __init__(self, path: Path, root: Path, index: Mapping[str, Any]) -> None:
        self.path, self.root, self.index = path, root, index

    def by_width(self) -> Family:
        """Which of the families that share Stable Diffusion's pipeline this is."""
        width = _number(self._read("text_encoder"), "hidden_size")
        expected = _number(self._read("unet"), "cross_attention_dim")
        if width != expected:
            raise NotUsable(
                State.CORRUPT,
                f"the unet takes text {expected} wide, the text encoder gives {width}",
            )
        family, variant = WIDTHS.get(width, (Family.SD_CUSTOM, ""))
        return Family.SD_CUSTOM if variant or family is Family.SDXL else family

    def variant(self, family: Family, by_class: str) -> tuple[str, str]:
        """The variant and what told it: the pipeline, its configurations, or just a name."""
        variant = by_class or self._by_shape(family)
        told_by = "configuration" if variant else ""
        names = f"{self.index.get('_name_or_path', '')} {self.path.name}".lower()
        named = told.named_in(family, names[-told.LONGEST_VALUE :])
        if named and (not variant or named.startswith(f"{variant}-")):
            variant, told_by = named, "its name"
        if family is Family.SD2 and not variant and self.prediction() == Prediction.EPSILON:
            return "base", "prediction type"
        return variant, told_by

    def prediction(self) -> str:
        """As the scheduler's configuration has it; what says nothing predicts noise."""
        file = self.path / "scheduler" / "scheduler_config.json"
        if not file.is_file():
            return ""
        config = read_json(file, self.root)
        if "FlowMatch" in str(config.get("_class_name")):
            return Prediction.FLOW
        return told.PREDICTIONS.get(str(config.get("prediction_type")), Prediction.EPSILON)

    def native(self, denoiser: str, traits: Traits) -> int:
        """The side in pixels it was trained on."""
        config = self._read(denoiser)
        if config.get("sample_size") is None:
            return traits.native
        blocks = self._read("vae").get("block_out_channels")
        if not isinstance(blocks, list) or not 1 <= len(blocks) <= 8:
            raise NotUsable(State.CORRUPT, "vae/config.json: block_out_channels is no list")
        native = _number(config, "sample_size") << (len(blocks) - 1)
        if not SMALLEST <= native <= LARGEST:
            raise NotUsable(
                State.CORRUPT, f"{denoiser}/config.json: {native} px is no picture size"
            )
        return native

    def _by_shape(self, family: Family) -> str:
        if family is Family.FLUX:
            config = self._read("transformer")
            plain = "" if config.get("guidance_embeds") else "schnell"
            return FLUX_CHANNELS.get(_whole(config, "in_channels"), plain)
        if family is Family.SD3:
            config = self._read("transformer")
            if _whole(config, "num_layers") >= LARGE_LAYERS:
                return "3.5-large"
            return "3.5-medium" if config.get("dual_attention_layers") else ""
        config = self._read("unet")
        width = WIDTHS.get(_whole(config, "cross_attention_dim"), (family, ""))
        by_width = width[1] if width[0] is family else ""
        lcm = "lcm" if config.get("time_cond_proj_dim") else ""
        return CHANNELS.get(_whole(config, "in_channels"), "") or by_width or lcm

    def _read(self, part: str) -> dict[str, Any]:
        return read_json(self.path / part / "config.json", self.root)


def read_json(file: Path, root: Path) -> dict[str, Any]:
    where = f"{file.parent.name}/{file.name}"
    if not file.is_file():
        raise NotUsable(State.CORRUPT, f"{where} is missing")
    if inside(file, root).stat().st_size > MAX_JSON_BYTES:
        raise NotUsable(State.CORRUPT, f"{where} is too large")
    try:
        data = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        raise NotUsable(State.CORRUPT, f"{where} is not readable JSON") from None
    if not isinstance(data, dict):
        raise NotUsable(State.CORRUPT, f"{where} is no JSON object")
    return data


def _whole(config: Mapping[str, Any], key: str) -> int:
    """A number that may be missing; 0 then, and for what is none."""
    value = config.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _number(config: Mapping[str, Any], key: str) -> int:
    value = config.get(key)
    # Some configurations give one value a block or a side; they agree, so the first stands for all.
    first: object = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, int) or isinstance(first, bool) or not 0 < first <= 1_000_000:
        raise NotUsable(State.CORRUPT, f"config.json: {key} is {shown(value)}")
    return first
