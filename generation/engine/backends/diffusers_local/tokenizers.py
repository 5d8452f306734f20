"""CLIP's tokenizer from the vocabulary that ships with us; everybody else's from a folder."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import transformers
from tokenizers.pre_tokenizers import ByteLevel

from generation.engine.errors import ModelUnloadable
from modelhub.components import CLIP_MERGES
from modelhub.tokenizers import lack

START, END = "<|startoftext|>", "<|endoftext|>"


def clip(settings: Path) -> Any:
    """CLIP's, with the padding that the configuration at `settings` asks for."""
    vocabulary, merges = _clip_vocabulary()
    config = json.loads((settings / "tokenizer_config.json").read_text())
    made: Any = transformers.CLIPTokenizer
    return made(
        vocab=dict(vocabulary),
        merges=list(merges),
        pad_token=config["pad_token"],
        model_max_length=config["model_max_length"],
    )


def own(cls: str, folder: Path) -> Any:
    """The tokenizer a folder holds, of class `cls`; no code of the folder's is run."""
    if problem := lack(folder, cls):
        raise ModelUnloadable(f"Its {problem}.")
    return getattr(transformers, cls).from_pretrained(folder, local_files_only=True)


@cache
def _clip_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Bytes, bytes that end a word, one token a merge, and the two marks: in this order."""
    merges = [
        (left, right)
        for left, right in map(str.split, CLIP_MERGES.read_text(encoding="utf-8").splitlines()[1:])
    ]
    letters = sorted(ByteLevel.alphabet(), key=_order)
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, merges), START, END]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    if len(vocabulary) != len(tokens):
        raise ModelUnloadable("The vocabulary of CLIP that ships with ALICE is damaged.")
    return vocabulary, merges


def _order(letter: str) -> tuple[bool, int]:
    """Bytes that print stand for themselves and come first; the others were moved beyond 255."""
    return (ord(letter) > 255, ord(letter))
