"""Writes a CLIP tokenizer in which every caption word is one token."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from transformers import CLIPTokenizer

from modelhub.demo.training import captions

END = "</w>"
START_OF_TEXT = "<|startoftext|>"
END_OF_TEXT = "<|endoftext|>"
LENGTH = 77

Pair = tuple[str, str]


def write(folder: Path) -> CLIPTokenizer:
    folder.mkdir(parents=True, exist_ok=True)
    merges = _learned_merges(captions.words())
    symbols = _byte_symbols()
    tokens = [*symbols, *(symbol + END for symbol in symbols), *("".join(pair) for pair in merges)]
    tokens = [*dict.fromkeys(tokens), START_OF_TEXT, END_OF_TEXT]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, indent=0) + "\n")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": LENGTH,
        "bos_token": START_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "unk_token": END_OF_TEXT,
        "pad_token": END_OF_TEXT,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def _learned_merges(words: Iterable[str]) -> list[Pair]:
    """Byte pair encoding carried on until each word is a single token."""
    spelled = [[*word[:-1], word[-1] + END] for word in words]
    merges: list[Pair] = []
    while pairs := Counter(pair for word in spelled for pair in itertools.pairwise(word)):
        best = max(sorted(pairs), key=lambda pair: pairs[pair])
        merges.append(best)
        spelled = [_merged(word, best) for word in spelled]
    return merges


def _merged(word: list[str], pair: Pair) -> list[str]:
    out: list[str] = []
    for symbol in word:
        if out and (out[-1], symbol) == pair:
            out[-1] += symbol
        else:
            out.append(symbol)
    return out


def _byte_symbols() -> list[str]:
    """GPT-2's printable stand-ins for the 256 bytes, in its order."""
    plain = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    moved = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) for byte in plain] + [chr(256 + number) for number in range(len(moved))]
