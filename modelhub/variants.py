"""Which weights in the folder of a part are read: they come in variants, and in shards.

    diffusion_pytorch_model.safetensors               the plain ones, of diffusers' parts
    model.fp16.safetensors                            a variant, of transformers' parts
    model.fp16-00001-of-00002.safetensors             shards, which need the list of them:
    model.safetensors.index.fp16.json

Standard library only.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

# What each library looks for.
STEMS: Mapping[str, str] = MappingProxyType(
    {
        "diffusers": "diffusion_pytorch_model",
        "transformers": "model",
        "stable_diffusion": "model",
    }
)
PLAIN, HALF = "", "fp16"
_SHARD = r"-(?P<number>\d{5})-of-(?P<count>\d{5})"
_FILE = re.compile(rf"(?P<stem>[^.]+?)(?:\.(?P<variant>\w+))?(?:{_SHARD})?\.safetensors")
# As older tools wrote it: the shard before the variant.
_OLDER = re.compile(rf"(?P<stem>[^.]+?){_SHARD}\.(?P<variant>\w+)\.safetensors")
_LIST = re.compile(r"(?P<stem>[^.]+)\.safetensors\.index(?:\.(?P<variant>\w+))?\.json")


@dataclass(frozen=True, slots=True)
class Weights:
    """One whole set. `listing` names the list of its shards; empty: it is a single file."""

    variant: str
    files: tuple[str, ...]
    listing: str = ""


def whole(names: Collection[str], stem: str) -> list[Weights]:
    """The sets that are there in full, in the order in which they are taken: the plain one, half
    precision, then any other. A set of which there is a list is read by it, whatever else is there.
    """
    files: dict[str, dict[str, re.Match[str]]] = {}
    lists: dict[str, str] = {}
    for name in names:
        listed = _LIST.fullmatch(name)
        if listed and listed["stem"] == stem:
            lists[listed["variant"] or PLAIN] = name
        found = _OLDER.fullmatch(name) or _FILE.fullmatch(name)
        if found and found["stem"] == stem:
            files.setdefault(found["variant"] or PLAIN, {})[name] = found
    order = sorted(files, key=lambda variant: (variant != PLAIN, variant != HALF, variant))
    sets = (_set(variant, files[variant], lists.get(variant, "")) for variant in order)
    return [made for made in sets if made]


def _set(variant: str, files: Mapping[str, re.Match[str]], listing: str) -> Weights | None:
    single = [name for name, found in files.items() if not found["count"]]
    if not listing:
        return Weights(variant, tuple(single)) if single else None
    shards = {int(found["number"]): name for name, found in files.items() if found["count"]}
    count = max((int(found["count"]) for found in files.values() if found["count"]), default=0)
    if not count or shards.keys() != set(range(1, count + 1)):
        return None
    return Weights(variant, tuple(shards[number] for number in sorted(shards)), listing)
