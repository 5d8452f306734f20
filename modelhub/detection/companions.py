"""What lies beside checkpoints and adapters: ControlNets, VAEs, embeddings, upscalers. A table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isqrt

from modelhub.detection.signatures import WIDTHS
from modelhub.detection.tensors import Tensors
from modelhub.families import Family
from modelhub.kinds import Kind

Widths = Mapping[int, Family]
# By the width of the text that a part takes or gives.
BY_TEXT: Widths = {width: family for width, (family, variant) in WIDTHS.items() if not variant}


@dataclass(frozen=True, slots=True)
class Companion:
    """`has` and `lacks` are patterns of names. The family is the row's, or told by the width of a
    tensor along an axis. `title` says what it is where this version cannot use it.
    """

    kind: Kind
    has: tuple[str, ...]
    variant: str = ""
    family: Family | None = None
    width: tuple[str, int] = ("", 0)
    families: Widths = field(default_factory=lambda: BY_TEXT)
    lacks: tuple[str, ...] = ()
    title: str = ""

    def fits(self, tensors: Tensors) -> bool:
        here = all(tensors.has(name) for name in self.has)
        return here and not any(tensors.has(name) for name in self.lacks)

    def family_of(self, tensors: Tensors) -> Family | None:
        pattern, axis = self.width
        return self.family or (self.families.get(tensors.side(pattern, axis)) if pattern else None)


_LDM_TEXT = ("*input_blocks.*.transformer_blocks.0.attn2.to_k.weight", 1)
_TEXT = ("down_blocks.*.transformer_blocks.0.attn2.to_k.weight", 1)

COMPANIONS: tuple[Companion, ...] = (
    # IP-Adapters.
    Companion(Kind.IP_ADAPTER, ("ip_adapter_proj_model.*", "double_blocks.*.processor.*"),
              family=Family.FLUX),
    Companion(Kind.IP_ADAPTER, ("image_proj.latents", "ip_adapter.*"), "plus",
              width=("ip_adapter.*.to_k_ip.weight", 1)),
    Companion(Kind.IP_ADAPTER, ("image_proj.perceiver_resampler.*", "ip_adapter.*"), "faceid-plus",
              width=("ip_adapter.*.to_k_ip.weight", 1)),
    Companion(Kind.IP_ADAPTER, ("image_proj.proj.0.weight", "ip_adapter.*"), "full-face",
              width=("ip_adapter.*.to_k_ip.weight", 1)),
    Companion(Kind.IP_ADAPTER, ("image_proj.*", "ip_adapter.*"),
              width=("ip_adapter.*.to_k_ip.weight", 1)),
    # ControlNets, and what is no ControlNet but called one.
    Companion(Kind.CONTROLNET, ("lora_controlnet",), "control-lora",
              width=("*.attn2.to_k.down", 1),
              title="Control-LoRA"),
    Companion(Kind.CONTROLNET, ("control_model.input_blocks.0.0.weight",), width=_LDM_TEXT),
    Companion(Kind.CONTROLNET, ("controlnet_cond_embedding.conv_in.weight", "task_embedding"),
              "union", width=_TEXT),
    Companion(Kind.CONTROLNET, ("controlnet_cond_embedding.conv_in.weight",), width=_TEXT),
    Companion(Kind.CONTROLNET, ("controlnet_x_embedder.weight", "controlnet_mode_embedder.weight"),
              "union", Family.FLUX),
    Companion(Kind.CONTROLNET, ("controlnet_x_embedder.weight",), family=Family.FLUX),
    Companion(Kind.CONTROLNET, ("input_hint_block.0.weight", "double_blocks.*"), "xlabs",
              Family.FLUX),
    Companion(Kind.CONTROLNET, ("controlnet_blocks.0.weight", "pos_embed_input.proj.weight"),
              family=Family.SD3),
    Companion(Kind.CONTROLNET, ("control_all_x_embedder.*",), family=Family.Z_IMAGE),
    Companion(Kind.CONTROLNET, ("adapter.body.*",), "t2i-adapter", title="T2I-Adapter"),
    Companion(Kind.CONTROLNET, ("body.0.block1.weight", "conv_in.weight"), "t2i-adapter",
              title="T2I-Adapter"),
    # Textual inversions.
    Companion(Kind.EMBEDDING, ("clip_l", "clip_g", "t5xxl"), family=Family.SD3),
    Companion(Kind.EMBEDDING, ("clip_l", "clip_g"), family=Family.SDXL),
    Companion(Kind.EMBEDDING, ("text_encoders_0", "text_encoders_1"), family=Family.SDXL),
    Companion(Kind.EMBEDDING, ("clip_l", "t5xxl"), family=Family.FLUX),
    Companion(Kind.EMBEDDING, ("emb_params",), width=("emb_params", -1)),
    # Upscalers.
    Companion(Kind.UPSCALER, ("*body.0.rdb1.conv1.weight", "*conv_first.weight"), "esrgan"),
    Companion(Kind.UPSCALER, ("RRDB_trunk.0.RDB1.conv1.weight", "conv_first.weight"), "esrgan"),
    Companion(Kind.UPSCALER, ("model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"), "esrgan-old"),
    Companion(Kind.UPSCALER, ("layers.0.residual_group.blocks.0.*", "conv_first.weight"), "swinir",
              title="SwinIR or a kin of it"),
    Companion(Kind.UPSCALER, ("*body.0.weight", "*body.1.weight", "*body.2.weight"), "compact",
              lacks=("*attn*", "*encoder*"), title="Real-ESRGAN compact"),
)  # fmt: skip
# What whole checkpoints hold as well, and so only alone means what it says.
PIECES: tuple[Companion, ...] = (
    # VAEs. Those of Stable Diffusion 1, 2 and XL have the very same tensors.
    Companion(Kind.VAE, ("decoder.middle.0.residual.0.gamma",), family=Family.WAN),
    Companion(Kind.VAE, ("encoder.project_in.conv.bias", "decoder.*"), family=Family.SANA),
    Companion(Kind.VAE, ("*encoder.down.0.block.0.conv1.weight", "*decoder.conv_in.weight")),
    Companion(Kind.VAE, ("encoder.down_blocks.0.resnets.0.conv1.weight",
                         "decoder.conv_in.weight")),
    Companion(Kind.VAE, ("encoder.layers.0.weight", "decoder.layers.0.weight"), "tiny"),
    # Text encoders.
    Companion(Kind.TEXT_ENCODER, ("*encoder.block.0.layer.0.SelfAttention.q.weight",), "t5"),
    Companion(Kind.TEXT_ENCODER, ("*text_model.encoder.layers.31.mlp.fc1.weight",), "clip-g",
              Family.SDXL),
    Companion(Kind.TEXT_ENCODER, ("*text_model.encoder.layers.22.mlp.fc1.weight",), "clip-h",
              Family.SD2),
    Companion(Kind.TEXT_ENCODER, ("*text_model.encoder.layers.0.mlp.fc1.weight",), "clip-l"),
    Companion(Kind.TEXT_ENCODER, ("model.layers.0.self_attn.q_proj.weight",
                                  "model.embed_tokens.weight"), "llm"),
    # The encoder that reads an IP-Adapter's picture.
    Companion(Kind.IP_ADAPTER, ("*vision_model.embeddings.*",), "image-encoder",
              lacks=("*text_model.*", "*self_attn.qkv*")),
)  # fmt: skip
# A diffusers embedding is one tensor named for its word: as wide as the text of its family.
LONGEST_EMBEDDING = 1024


def fitting(rows: Iterable[Companion], tensors: Tensors) -> Companion | None:
    return next((row for row in rows if row.fits(tensors)), None)


def one_word(tensors: Tensors) -> Companion | None:
    """A textual inversion as diffusers saves it, if these are one."""
    if len(tensors) != 1:
        return None
    _, tensor = next(tensors.named("*"), ("", None))
    if tensor is None or len(tensor.shape) not in {1, 2}:
        return None
    rows = 1 if len(tensor.shape) == 1 else tensor.shape[0]
    if tensor.shape[-1] not in BY_TEXT or rows > LONGEST_EMBEDDING:
        return None
    return Companion(Kind.EMBEDDING, ("*",), width=("*", -1))


def facts(kind: Kind, tensors: Tensors) -> dict[str, int]:
    """What a person chooses by: an upscaler's factor, a VAE's latent channels, a LoRA's rank."""
    if kind is Kind.UPSCALER:
        return {"scale": _scale(tensors)}
    if kind is Kind.VAE:
        return {"latentChannels": tensors.side("*decoder.conv_in.weight", 1)}
    if kind in {Kind.LORA, Kind.LYCORIS}:
        ranks = ("*.lora_down.weight", "*.lora_A*.weight", "*.down.weight")
        return {"rank": next((rank for name in ranks if (rank := tensors.side(name, 0))), 0)}
    if kind is Kind.EMBEDDING:
        shapes = [tensor.shape for _, tensor in tensors.named("*")]
        return {"vectors": max((s[0] for s in shapes if len(s) == 2), default=1)}
    return {}


def _scale(tensors: Tensors) -> int:
    """Every up-convolution doubles; a picture folded into more channels is smaller to begin with."""
    new = sum(tensors.has(f"*{name}.weight") for name in ("conv_up1", "conv_up2", "conv_up3"))
    older = sum(tensors.has(f"upconv{number}.weight") for number in (1, 2, 3))
    oldest = sum(tensors.has(f"model.{place}.weight") for place in (3, 6, 9))
    folded = {12: 2, 48: 4}.get(tensors.side("*conv_first.weight", 1), 1)
    doubled: int = 2 ** max(new, older, oldest)
    return max(doubled // folded, _shuffled(tensors))


def _shuffled(tensors: Tensors) -> int:
    """A compact upscaler ends in one convolution that makes all pixels of a square at once."""
    if tensors.has("*conv_first.weight") or tensors.has("model.0.weight"):
        return 0
    kernels = [tensor.shape for _, tensor in tensors.named("*body.*.weight")]
    made = min((shape[0] for shape in kernels if len(shape) == 4), default=0)
    return isqrt(made // 3)
