"""A checkpoint in one file to the parts of its pipeline, with no network and nothing guessed."""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from safetensors import safe_open
from safetensors.torch import load_file

from generation.engine.backends.diffusers_local import conversions, loose, tokenizers
from generation.engine.backends.diffusers_local.pipelines import LIBRARIES, Part, Pipeline
from generation.engine.contract import ModelRef
from generation.engine.errors import ModelUnloadable, NotSupported
from modelhub import components
from modelhub import tokenizers as words
from modelhub.families import TRAITS, Family

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SingleFile:
    """One checkpoint, its tensors mapped from the disk once for all parts."""

    model: ModelRef
    row: Pipeline

    @property
    def home(self) -> Path:
        """Where what its author adds lies."""
        return components.sidecar(Path(self.model.path))

    @cached_property
    def checkpoint(self) -> conversions.State:
        return load_file(self.model.path)

    @cached_property
    def shapes(self) -> Mapping[str, list[int]]:
        with safe_open(self.model.path, framework="pt") as weights:
            names = weights.keys()
            return {name: weights.get_slice(name).get_shape() for name in names}

    @cached_property
    def folders(self) -> list[Path]:
        """Where configurations are looked for: what lies beside the file, then what ships with us."""
        ours = components.folder(Family(self.model.family), self.shapes, self.model.prediction_type)
        return [folder for folder in (self.home, ours) if folder and folder.is_dir()]

    def index(self) -> dict[str, Any]:
        """What a model_index.json would say."""
        path = self._config("", "model_index.json")
        data: dict[str, Any] = json.loads(path.read_text()) if path else {}
        return data

    def schedule(self) -> dict[str, Any]:
        """The noise schedule, with the kind of prediction that the file was found to make."""
        data = self._read("scheduler", "scheduler_config.json")
        # Of the two kinds only the one with a prediction type can be told another.
        if self.model.prediction_type in {"epsilon", "v_prediction", "sample"}:
            data["prediction_type"] = self.model.prediction_type
        return data

    def parameters(self) -> int:
        """Of the denoiser, from the header alone."""
        place = conversions.place_of_denoiser(self.shapes) or ""
        mine = [name for name in self.shapes if name.startswith(place)]
        return sum(math.prod(self.shapes[name]) for name in mine)

    def part(self, name: str, part: Part, dtype: torch.dtype) -> Any:
        """One component, ready; None where an optional one is nowhere to be had."""
        self._refuse_quantised()
        if "tokenizer" in name:
            return self._tokenizer(name, part)
        config = self._described(name)
        state = conversions.taken(self.checkpoint, self.model.family, name)
        if not state:
            state = loose.state(self.model, name, config)
        if not state:
            return self._absent(name, part)
        if part.optional and self._tokenizer(f"tokenizer_{name[-1]}", part) is None:
            logger.warning(
                "%s is drawn without its %s: T5's tokenizer.json is missing", self.model.id, name
            )
            return None
        return assemble(name, part, config, state, dtype)

    def _described(self, name: str) -> dict[str, Any]:
        config = self._read(name, "config.json")
        place = conversions.place_of_denoiser(self.shapes) or ""
        if name == "unet" and (guided := self.shapes.get(place + conversions.GUIDED)):
            config["time_cond_proj_dim"] = guided[1]
        return config

    def _tokenizer(self, name: str, part: Part) -> Any:
        cls = self.row.parts[name].cls
        folders = [folder / name for folder in self.folders]
        folders += loose.tokenizer_folders(self.model, name, cls)
        if found := next((folder for folder in folders if words.has_words(folder, cls)), None):
            return tokenizers.own(cls, found)
        if cls == "CLIPTokenizer":
            return tokenizers.clip(self._needed(name, "tokenizer_config.json").parent)
        if part.optional:
            return None
        beside = self.home.name
        raise ModelUnloadable(
            f"Its {name} is missing and may not ship with ALICE"
            f"{f' ({words.PIECES} is not read)' if words.has_pieces(folders) else ''}: put T5's"
            f" {words.WORDS} (from the {name} folder of the model's diffusers edition) into the folder"
            f" {beside}/{name} beside it, or into text-encoders/ of the models folder, as by"
            f" `{words.command(name, 'text-encoders')}`."
        )

    def _absent(self, name: str, part: Part) -> None:
        if part.optional:
            return
        raise ModelUnloadable(
            f"The file has no {name}, and none was found for it: put a .safetensors file of"
            f" {TRAITS[Family(self.model.family)].title}'s {name} into {loose.folder_of(name)}/"
            " of the models folder, or install the diffusers folder of this model."
        )

    def _refuse_quantised(self) -> None:
        if name := conversions.quantised(self.shapes):
            raise NotSupported(f"It is quantised in a way that is not supported ({name}).")

    def _read(self, name: str, file: str) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self._needed(name, file).read_text())
        return data

    def _needed(self, name: str, file: str) -> Path:
        path = self._config(name, file)
        if path is None:
            beside = self.home.name
            raise ModelUnloadable(
                f"Its architecture is not among those ALICE knows: {beside}/{name}/{file} beside"
                " it, as in a diffusers folder, would describe it."
            )
        return path

    def _config(self, name: str, file: str) -> Path | None:
        paths = [folder / name / file for folder in self.folders]
        return next((path for path in paths if path.is_file()), None)


def assemble(
    name: str, part: Part, config: dict[str, Any], state: conversions.State, dtype: torch.dtype
) -> Any:
    """A component of our table's class with exactly these weights; what is missing is an error."""
    cls = getattr(LIBRARIES[part.library], part.cls)
    if part.library == "transformers":
        settings = cls.config_class.from_dict(config)
        with init_empty_weights():
            module = cls(settings)
    else:
        settings = config
        with init_empty_weights():
            module = cls.from_config(config)
    wanted = module.state_dict()
    converted = _identity(name, wanted)
    converted |= _renamed(_converted(name, part, state, settings, wanted), wanted)
    kept = frozenset(getattr(module, "_keep_in_fp32_modules", None) or ())
    typed = {n: _typed(n, tensor, dtype, kept) for n, tensor in converted.items() if n in wanted}
    if gaps := sorted(wanted.keys() - typed.keys()):
        raise ModelUnloadable(f"{name} lacks {len(gaps)} tensors, among them {gaps[0]}.")
    module.load_state_dict(typed, strict=True, assign=True)
    if part.library == "transformers":
        module.tie_weights()
    return module.eval()


def _converted(
    name: str,
    part: Part,
    state: conversions.State,
    settings: Any,
    wanted: Mapping[str, Any],
) -> conversions.State:
    if wanted.keys() <= state.keys():
        return state
    try:
        return conversions.CONVERT[part.cls](state, settings)
    # diffusers' converters take what they need by name.
    except KeyError as error:
        raise ModelUnloadable(f"{name} lacks the tensor {error.args[0]}.") from error


def _renamed(state: conversions.State, wanted: Mapping[str, Any]) -> conversions.State:
    """transformers keeps CLIP's text tower on the model itself or one level below."""
    if any(name.startswith("text_model.") for name in wanted):
        return {
            name if name in wanted else f"text_model.{name}": tensor
            for name, tensor in state.items()
        }
    return {name.removeprefix("text_model."): tensor for name, tensor in state.items()}


def _identity(name: str, wanted: Mapping[str, Any]) -> conversions.State:
    """CLIP-L's projection, which SD 3's checkpoints leave out since there it changes nothing."""
    projection = wanted.get("text_projection.weight")
    if name != "text_encoder" or projection is None:
        return {}
    return {"text_projection.weight": torch.eye(projection.shape[0])}


def _typed(
    name: str, tensor: torch.Tensor, dtype: torch.dtype, kept: frozenset[str]
) -> torch.Tensor:
    if not tensor.is_floating_point():
        return tensor
    full = dtype == torch.float16 and kept.intersection(name.split("."))
    return tensor.to(torch.float32 if full else dtype)
