"""One VAE and one set of text encoders for all warm models that have the same: found by content.

Nothing holds a shared part but the pipelines that use it, so it goes with the last of them. Whoever
changes weights in place (an adapter, say) must work on a copy, or it changes other models too.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

import torch

_SHARED = ("vae", "text_encoder", "text_encoder_2", "text_encoder_3")


def share(parts: MutableMapping[str, Any], pipes: Iterable[Any], device: torch.device) -> None:
    """Put in place of each part the same one of a warm pipeline, where there is one."""
    there = [module for pipe in pipes for _, module in _modules(pipe)]
    for name in _SHARED:
        part = parts.get(name)
        twin = next((m for m in there if part is not None and _same(part, m, device)), None)
        if twin is not None:
            parts[name] = twin


def memory(pipes: Mapping[str, Any], denoisers: Iterable[str]) -> tuple[dict[str, int], int]:
    """Bytes of weights a pipeline in full, and how many of their sum are counted repeatedly."""
    names = (*_SHARED, *set(denoisers))
    whole = {key: sum(_tensors(pipe, names).values()) for key, pipe in pipes.items()}
    single: dict[int, int] = {}
    for pipe in pipes.values():
        single |= _tensors(pipe, names)
    return whole, sum(whole.values()) - sum(single.values())


def _tensors(pipe: Any, names: Iterable[str]) -> dict[int, int]:
    """Each tensor's address and bytes; tied ones appear once."""
    modules = (getattr(pipe, name, None) for name in names)
    return {
        tensor.data_ptr(): tensor.nbytes
        for module in modules
        if module is not None
        for tensor in (*module.parameters(), *module.buffers())
    }


def _modules(pipe: Any) -> Iterator[tuple[str, Any]]:
    for name in _SHARED:
        module = getattr(pipe, name, None)
        if module is not None:
            yield name, module


def _same(one: Any, other: Any, device: torch.device) -> bool:
    """Class, configuration and every last weight. The first tensor tells most of them apart."""
    if type(one) is not type(other) or _configured(one) != _configured(other):
        return False
    ours, theirs = one.state_dict(), other.state_dict()
    if ours.keys() != theirs.keys():
        return False
    return all(
        tensor.dtype == theirs[name].dtype
        and tensor.shape == theirs[name].shape
        and torch.equal(tensor.to(device), theirs[name])
        for name, tensor in ours.items()
    )


def _configured(module: Any) -> dict[str, Any]:
    """The configuration, less what says where it was read from and by which version."""
    config = module.config
    said = dict(config) if isinstance(config, Mapping) else config.to_dict()
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in said.items()
        if not key.startswith("_") and key not in {"transformers_version", "architectures", "dtype"}
    }
