"""The kinds of files a model folder holds, and how each is named. Standard library only."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

# What files of safetensors are called; the second is how some of FLUX.1's were first published.
WEIGHTS = frozenset({".safetensors", ".sft"})


class Kind(StrEnum):
    CHECKPOINT = "checkpoint"
    LORA = "lora"
    LYCORIS = "lycoris"
    EMBEDDING = "embedding"
    CONTROLNET = "controlnet"
    IP_ADAPTER = "ip-adapter"
    VAE = "vae"
    TEXT_ENCODER = "text-encoder"
    UPSCALER = "upscaler"


@dataclass(frozen=True, slots=True)
class Naming:
    """`prefix` begins the public id; `folder` is where a download of this kind is put."""

    title: str
    prefix: str
    folder: str = ""


NAMINGS: Mapping[Kind, Naming] = MappingProxyType(
    {
        # Checkpoints lie at the top of the models folder, where people drop them.
        Kind.CHECKPOINT: Naming("Checkpoint", "sd/"),
        Kind.LORA: Naming("LoRA", "lora/", "loras"),
        Kind.LYCORIS: Naming("LyCORIS", "lora/", "loras"),
        Kind.EMBEDDING: Naming("Textual inversion", "embedding/", "embeddings"),
        Kind.CONTROLNET: Naming("ControlNet", "controlnet/", "controlnets"),
        Kind.IP_ADAPTER: Naming("IP-Adapter", "ip-adapter/", "ip-adapters"),
        Kind.VAE: Naming("VAE", "vae/", "vaes"),
        Kind.TEXT_ENCODER: Naming("Text encoder", "text-encoder/", "text-encoders"),
        Kind.UPSCALER: Naming("Upscaler", "upscaler/", "upscalers"),
    }
)
