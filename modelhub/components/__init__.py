"""What checkpoints in one file leave unsaid: the configuration of every part, by architecture.

Facts about public architectures in diffusers' own file format, one folder each. Standard library only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelhub.families import Family

ROOT = Path(__file__).parent
# CLIP's byte pair merges, from which its whole vocabulary follows; see NOTICE.
CLIP_MERGES = ROOT / "clip" / "merges.txt"
# Beside x.safetensors, x.components holds what differs from our own: a configuration, a tokenizer.
SIDECAR = ".components"

Shapes = Mapping[str, Sequence[int]]

_SD_IN = "input_blocks.0.0.weight"
_SD3_DUAL = "joint_blocks.0.x_block.attn2.qkv.weight"
_SD3_LAST = "joint_blocks.37.x_block.attn.qkv.weight"
_FLUX_GUIDED = "guidance_in.in_layer.weight"


@dataclass(frozen=True, slots=True)
class Architecture:
    """`told` looks at the shapes of a checkpoint's tensors; the first row that says yes counts."""

    folder: str
    family: Family
    told: Callable[[Shapes, str], bool]


_ARCHITECTURES = (
    Architecture("sd1-inpaint", Family.SD1, lambda s, _: _size(s, _SD_IN, 1) == 9),
    Architecture("sd1", Family.SD1, lambda *_: True),
    # The files of both are alike; only the kind of prediction tells them apart.
    Architecture("sd2-base", Family.SD2, lambda _, prediction: prediction == "epsilon"),
    Architecture("sd2", Family.SD2, lambda *_: True),
    Architecture("sdxl", Family.SDXL, lambda *_: True),
    Architecture("sd3.5-large", Family.SD3, lambda s, _: _size(s, _SD3_LAST, 0) > 0),
    Architecture("sd3.5-medium", Family.SD3, lambda s, _: _size(s, _SD3_DUAL, 0) > 0),
    Architecture("sd3-medium", Family.SD3, lambda *_: True),
    Architecture("flux-dev", Family.FLUX, lambda s, _: _size(s, _FLUX_GUIDED, 0) > 0),
    Architecture("flux-schnell", Family.FLUX, lambda *_: True),
)


def folder(family: Family, shapes: Shapes, prediction: str = "") -> Path | None:
    """The configurations for a checkpoint with tensors of these shapes; None: none ship with us."""
    for row in _ARCHITECTURES:
        if row.family == family and row.told(shapes, prediction):
            return ROOT / row.folder
    return None


def sidecar(checkpoint: Path) -> Path:
    return checkpoint.with_suffix(SIDECAR)


def _size(shapes: Shapes, ending: str, axis: int) -> int:
    """Elements along `axis` of the denoiser's tensor of that name; 0 where there is none."""
    for prefix in ("model.diffusion_model.", "diffusion_model.", ""):
        shape = shapes.get(prefix + ending)
        if shape is not None and len(shape) > axis:
            return shape[axis]
    return 0
