"""Text to conditions: prompts of any length, in windows of the encoder's size."""

from collections.abc import Callable
from typing import Any

import torch

from generation.engine.contract import JobSpec
from generation.engine.errors import NotSupported

# How many tokens of T5 each was trained to read.
_SD3_TOKENS = 256
_FLUX_TOKENS, _FLUX_SCHNELL_TOKENS = 512, 256

Conditions = dict[str, torch.Tensor]
Encode = Callable[[Any, JobSpec], Conditions]


def encode_sd(pipe: Any, spec: JobSpec) -> Conditions:
    """The text arguments of StableDiffusionPipeline; clip skip counts for both prompts."""
    wanted = _windows(pipe.tokenizer, pipe.text_encoder, spec.prompt)
    if spec.guidance_scale <= 1:
        return {"prompt_embeds": _last(pipe.text_encoder, wanted, spec.clip_skip)}
    unwanted = _windows(pipe.tokenizer, pipe.text_encoder, spec.negative_prompt)
    _even(wanted, unwanted, _windows(pipe.tokenizer, pipe.text_encoder, ""))
    return {
        "prompt_embeds": _last(pipe.text_encoder, wanted, spec.clip_skip),
        "negative_prompt_embeds": _last(pipe.text_encoder, unwanted, spec.clip_skip),
    }


def encode_sdxl(pipe: Any, spec: JobSpec) -> Conditions:
    """The text arguments of StableDiffusionXLPipeline: two encoders side by side, one pooled."""
    wanted, unwanted = [], []
    for tokenizer, encoder in (
        (pipe.tokenizer, pipe.text_encoder),
        (pipe.tokenizer_2, pipe.text_encoder_2),
    ):
        one, other = (_windows(tokenizer, encoder, t) for t in (spec.prompt, spec.negative_prompt))
        _even(one, other, _windows(tokenizer, encoder, ""))
        wanted.append((encoder, one))
        unwanted.append((encoder, other))
    embeds, pooled = _penultimate(wanted, spec.clip_skip)
    conditions = {"prompt_embeds": embeds, "pooled_prompt_embeds": pooled}
    if spec.guidance_scale <= 1:
        return conditions
    if spec.negative_prompt or not pipe.config.force_zeros_for_empty_prompt:
        away, pooled_away = _penultimate(unwanted, spec.clip_skip)
    else:
        away, pooled_away = torch.zeros_like(embeds), torch.zeros_like(pooled)
    return conditions | {
        "negative_prompt_embeds": away,
        "negative_pooled_prompt_embeds": pooled_away,
    }


def encode_sd3(pipe: Any, spec: JobSpec) -> Conditions:
    """The text arguments of StableDiffusion3Pipeline: two CLIPs and, where it is there, T5."""
    for text in (spec.prompt, spec.negative_prompt):
        if pipe.text_encoder_3 is None:
            _check_length(pipe.tokenizer, text, pipe.tokenizer.model_max_length)
        else:
            _check_length(pipe.tokenizer_3, text, _SD3_TOKENS)
    for encoder in (pipe.text_encoder, pipe.text_encoder_2):
        _check_skip(encoder, spec.clip_skip + 1)
    guided = spec.guidance_scale > 1
    wanted, unwanted, pooled, pooled_away = pipe.encode_prompt(
        spec.prompt,
        None,
        None,
        do_classifier_free_guidance=guided,
        negative_prompt=spec.negative_prompt,
        clip_skip=spec.clip_skip or None,
        max_sequence_length=_SD3_TOKENS,
    )
    conditions = {"prompt_embeds": wanted, "pooled_prompt_embeds": pooled}
    if not guided:
        return conditions
    return conditions | {
        "negative_prompt_embeds": unwanted,
        "negative_pooled_prompt_embeds": pooled_away,
    }


def encode_flux(pipe: Any, spec: JobSpec) -> Conditions:
    """The text arguments of FluxPipeline: T5's states, and CLIP's one vector for the whole."""
    if spec.negative_prompt:
        raise NotSupported("FLUX takes no negative prompt.")
    if spec.clip_skip:
        raise NotSupported("FLUX does not support clip skip: of CLIP it reads the last layer only.")
    length = _FLUX_TOKENS if pipe.transformer.config.guidance_embeds else _FLUX_SCHNELL_TOKENS
    _check_length(pipe.tokenizer_2, spec.prompt, length)
    embeds, pooled, _ = pipe.encode_prompt(spec.prompt, None, max_sequence_length=length)
    return {"prompt_embeds": embeds, "pooled_prompt_embeds": pooled}


def _check_length(tokenizer: Any, text: str, length: int) -> None:
    """These families read so much and no more; what is beyond would be cut off in silence."""
    tokens = len(tokenizer(text, verbose=False).input_ids)
    if tokens > length:
        raise NotSupported(f"The prompt has {tokens} tokens; this model reads {length}.")


def _windows(tokenizer: Any, encoder: Any, text: str) -> list[list[int]]:
    """Token ids in windows the encoder can read, each with its marks and filled up; one at least."""
    length = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
    room = length - 2
    ids = tokenizer(text, add_special_tokens=False, verbose=False).input_ids
    starts = range(0, max(len(ids), 1), room)
    framed = [
        [tokenizer.bos_token_id, *ids[start : start + room], tokenizer.eos_token_id]
        for start in starts
    ]
    return [window + [tokenizer.pad_token_id] * (length - len(window)) for window in framed]


def _even(one: list[list[int]], other: list[list[int]], empty: list[list[int]]) -> None:
    """Guidance compares both prompts token by token: the shorter gets empty windows."""
    length = max(len(one), len(other))
    for windows in (one, other):
        windows.extend(empty * (length - len(windows)))


def _states(encoder: Any, windows: list[list[int]]) -> Any:
    ids = torch.tensor(windows, device=encoder.device)
    return encoder(ids, output_hidden_states=True)


def _last(encoder: Any, windows: list[list[int]], skip: int) -> torch.Tensor:
    """(1, tokens, width): the last layer's states, or those `skip` layers before it, normed."""
    _check_skip(encoder, skip)
    states = _states(encoder, windows)
    chosen = states.last_hidden_state
    if skip:
        # transformers keeps the text tower's layers on the model itself or one level below.
        tower = getattr(encoder, "text_model", encoder)
        chosen = tower.final_layer_norm(states.hidden_states[-(skip + 1)])
    return _joined(chosen)


def _penultimate(
    texts: list[tuple[Any, list[list[int]]]], skip: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """(1, tokens, both widths) and (1, projection): SDXL reads one layer below the last."""
    halves, pooled = [], torch.empty(0)
    for encoder, windows in texts:
        _check_skip(encoder, skip + 1)
        states = _states(encoder, windows)
        halves.append(_joined(states.hidden_states[-(skip + 2)]))
        pooled = states[0][:1]
    return torch.cat(halves, dim=-1), pooled


def _joined(states: torch.Tensor) -> torch.Tensor:
    return states.reshape(1, -1, states.shape[-1])


def _check_skip(encoder: Any, skip: int) -> None:
    layers = encoder.config.num_hidden_layers
    if skip >= layers:
        raise NotSupported(f"clip_skip is too high: this text encoder has {layers} layers.")
