"""The configurations that ship with us describe the published architectures, to the parameter."""

import json
from typing import Any

import pytest

from modelhub import components

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")

# Published figures, counted in the checkpoints of their authors.
CLIP_L, CLIP_L_PROJECTED = 123_060_480, 123_650_304
CLIP_G, T5 = 694_659_840, 4_762_310_656
VAE, VAE_16 = 83_653_863, 83_819_683
PARAMETERS = {
    "sd1": {"unet": 859_520_964, "vae": VAE, "text_encoder": CLIP_L},
    "sd1-inpaint": {"unet": 859_535_364, "vae": VAE, "text_encoder": CLIP_L},
    "sd2": {"unet": 865_910_724, "vae": VAE, "text_encoder": 340_387_840},
    "sd2-base": {"unet": 865_910_724, "vae": VAE, "text_encoder": 340_387_840},
    "sdxl": {
        "unet": 2_567_463_684, "vae": VAE, "text_encoder": CLIP_L, "text_encoder_2": CLIP_G,
    },
    "sd3-medium": {
        "transformer": 2_028_328_000, "vae": VAE_16, "text_encoder": CLIP_L_PROJECTED,
        "text_encoder_2": CLIP_G, "text_encoder_3": T5,
    },
    "sd3.5-medium": {"transformer": 2_243_171_520, "vae": VAE_16},
    "sd3.5-large": {"transformer": 8_056_627_520, "vae": VAE_16},
    "flux-dev": {
        "transformer": 11_901_408_320, "vae": VAE_16, "text_encoder": CLIP_L, "text_encoder_2": T5,
    },
    "flux-schnell": {"transformer": 11_891_178_560, "vae": VAE_16},
}  # fmt: skip
PARTS = [(name, part, count) for name, parts in PARAMETERS.items() for part, count in parts.items()]


def on_meta(name: str, part: str) -> Any:
    folder = components.ROOT / name
    library, cls_name = json.loads((folder / "model_index.json").read_text())[part]
    cls = getattr({"diffusers": diffusers, "transformers": transformers}[library], cls_name)
    config = json.loads((folder / part / "config.json").read_text())
    with torch.device("meta"):
        if library == "diffusers":
            return cls.from_config(config)
        return cls(cls.config_class.from_dict(config))


@pytest.mark.parametrize(("name", "part", "count"), PARTS, ids=[f"{n}-{p}" for n, p, _ in PARTS])
def test_parameters_are_those_published(name: str, part: str, count: int) -> None:
    assert sum(p.numel() for p in on_meta(name, part).parameters()) == count
