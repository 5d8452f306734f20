"""A checkpoint in diffusers layout, part by part."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from generation.engine.backends.diffusers_local import tokenizers
from generation.engine.backends.diffusers_local.pipelines import LIBRARIES, Part, Pipeline
from generation.engine.errors import ModelUnloadable
from modelhub import variants


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory with a model_index.json and one folder a component."""

    path: Path
    row: Pipeline

    @property
    def home(self) -> Path:
        return self.path

    def index(self) -> dict[str, Any]:
        """model_index.json, once it names only the classes of our table."""
        index: dict[str, Any] = json.loads((self.path / "model_index.json").read_text())
        if index.get("_class_name") not in {self.row.cls, *self.row.twins}:
            raise ModelUnloadable(f"This is a {index.get('_class_name')}, not a {self.row.cls}.")
        for name, part in self.row.parts.items():
            _check_class(name, part, index.get(name))
        if script := next(self.path.rglob("*.py"), None):
            raise ModelUnloadable(
                f"It carries program code ({script.name}); only weights are loaded."
            )
        return index

    def schedule(self) -> dict[str, Any]:
        path = self.path / "scheduler" / "scheduler_config.json"
        schedule: dict[str, Any] = json.loads(path.read_text())
        return schedule

    def parameters(self) -> int:
        """Of the denoiser's files, from their headers alone."""
        total = 0
        folder = self.path / self.row.denoiser
        for name in _read_of(folder, self.row.parts[self.row.denoiser]).files:
            with safe_open(folder / name, framework="pt") as weights:
                names = weights.keys()
                total += sum(math.prod(weights.get_slice(name).get_shape()) for name in names)
        return total

    def part(self, name: str, part: Part, dtype: torch.dtype) -> Any:
        folder = self.path / name
        cls = getattr(LIBRARIES[part.library], part.cls)
        if not folder.is_dir():
            if part.optional:
                return None
            raise ModelUnloadable(f"Its {name} folder is missing.")
        if not issubclass(cls, torch.nn.Module):
            return tokenizers.own(part.cls, folder)
        return _weighed(folder, part, dtype)


def _check_class(name: str, part: Part, said: Any) -> None:
    library, cls = said or ("nothing", "nothing")
    if part.optional and (library, cls) in {(None, None), ("nothing", "nothing")}:
        return
    # Older checkpoints name the tokenizer's fast twin; both are one class now.
    if (library, str(cls).removesuffix("Fast")) != (part.library, part.cls.removesuffix("Fast")):
        raise ModelUnloadable(f"Its {name} is {library}.{cls}, not {part.library}.{part.cls}.")


def _weighed(folder: Path, part: Part, dtype: torch.dtype) -> Any:
    loaded, report = getattr(LIBRARIES[part.library], part.cls).from_pretrained(
        folder,
        dtype=dtype,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
        variant=_read_of(folder, part).variant or None,
    )
    # The libraries fill a gap with random numbers and only log it; the pictures would be noise.
    if gaps := [key for key in report["missing_keys"] if not key.endswith("position_ids")]:
        raise ModelUnloadable(f"{folder.name} lacks {len(gaps)} tensors, among them {gaps[0]}.")
    return loaded.eval()


def _read_of(folder: Path, part: Part) -> variants.Weights:
    """Those of the folder's weights that count, as detection has it too."""
    names = [path.name for path in folder.glob("*")]
    sets = variants.whole(names, variants.STEMS[part.library])
    if not sets:
        raise ModelUnloadable(f"Its {folder.name} has no weights in the safetensors format.")
    return sets[0]
