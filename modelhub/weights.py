"""What a safetensors file says about itself in its header; the tensors are never read."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

LENGTH_BYTES = 8
# The format allows 100 MB. The largest headers there are, of training records, have a few.
MAX_HEADER_BYTES = 25_000_000
# What a header is made of: lists, objects and their members. Each takes memory when it is read.
MAX_PIECES = 3_000_000
MAX_DIMENSIONS = 16
# Patterns are matched against names: a name of megabytes would take the hours it asks for.
MAX_NAME = 500
# Types the format may get one day are let through; other text would be shown and kept.
DTYPE = re.compile("[A-Z][A-Z0-9_]{0,15}")

BITS: Mapping[str, int] = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
PRECISIONS: Mapping[str, str] = {
    "F64": "fp64",
    "F32": "fp32",
    "F16": "fp16",
    "BF16": "bf16",
    "F8_E4M3": "fp8",
    "F8_E5M2": "fp8",
    "I8": "int8",
    "U8": "uint8",
    "F4": "fp4",
}


class WeightsUnreadable(Exception):
    """The file is no safetensors file, or not a whole one; the message says which and why."""


class Twice(ValueError):
    """Two values under one name: readers differ in which they take."""


@dataclass(frozen=True, slots=True)
class Tensor:
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int


@dataclass(frozen=True)
class Header:
    """The tensors by name, the file's own `metadata`, text to text, and its size in bytes."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    size_bytes: int

    @cached_property
    def precision(self) -> str:
        """The precision most of the bytes are kept in."""
        bytes_of: Counter[str] = Counter()
        for tensor in self.tensors.values():
            bytes_of[tensor.dtype] += tensor.size_bytes
        dtype = bytes_of.most_common(1)[0][0]
        return PRECISIONS.get(dtype, dtype.lower())


def read_header(file: Path) -> Header:
    """The header of `file`; WeightsUnreadable for foreign, cut or inconsistent files."""
    length, told, size = _read(file)
    metadata = told.pop("__metadata__", None)
    places = {name: _place(file, name, tensor) for name, tensor in told.items()}
    if not places:
        raise WeightsUnreadable(f"{file.name} holds no tensors")
    end = 0
    # As the format has it: one after the other, no gap, nothing twice.
    for name, (start, stop, _) in sorted(places.items(), key=lambda item: item[1][:2]):
        if start != end:
            raise _wrong(file, name)
        end = stop
    expected = LENGTH_BYTES + length + end
    if size != expected:
        raise WeightsUnreadable(f"{file.name} has {size} bytes of {expected}: it is not whole")
    return Header({name: tensor for name, (_, _, tensor) in places.items()}, _text(metadata), size)


def _read(file: Path) -> tuple[int, dict[str, Any], int]:
    """The header's length, the header, the file's size."""
    with file.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        length = int.from_bytes(stream.read(LENGTH_BYTES), "little")
        if not 2 <= length <= min(MAX_HEADER_BYTES, size - LENGTH_BYTES):
            raise WeightsUnreadable(f"{file.name} is not a safetensors file, or not a whole one")
        raw = stream.read(length)
    if sum(raw.count(mark) for mark in (b"[", b"{", b",")) > MAX_PIECES:
        raise WeightsUnreadable(f"{file.name} has a header of too many pieces")
    try:
        header = json.loads(raw, object_pairs_hook=_once)
    except Twice as problem:
        raise WeightsUnreadable(f"{file.name} names {problem} twice") from None
    except (ValueError, RecursionError):
        raise WeightsUnreadable(f"{file.name} has an unreadable header") from None
    if not isinstance(header, dict):
        raise WeightsUnreadable(f"{file.name} has an unreadable header")
    return length, header, size


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise Twice(ascii(counts.most_common(1)[0][0])[:80])
    return made


def _place(file: Path, name: str, told: Any) -> tuple[int, int, Tensor]:
    try:
        start, stop = told["data_offsets"]
        dtype, shape = told["dtype"], tuple(told["shape"])
    except (TypeError, KeyError, ValueError):
        raise _wrong(file, name) from None
    numbers = (start, stop, *shape)
    whole = all(isinstance(number, int) and not isinstance(number, bool) for number in numbers)
    typed = isinstance(dtype, str) and DTYPE.fullmatch(dtype)
    if not (whole and typed and len(shape) <= MAX_DIMENSIONS and len(name) <= MAX_NAME):
        raise _wrong(file, name)
    bits = BITS.get(dtype)
    fits = bits is None or (prod(shape) * bits + 7) // 8 == stop - start
    if min(numbers) < 0 or stop < start or not fits:
        raise _wrong(file, name)
    return start, stop, Tensor(dtype, shape, stop - start)


def _text(metadata: Any) -> dict[str, str]:
    if not isinstance(metadata, dict):
        return {}
    return {name: value for name, value in metadata.items() if isinstance(value, str)}


def _wrong(file: Path, name: str) -> WeightsUnreadable:
    return WeightsUnreadable(f"{file.name} describes its tensor {ascii(name)[:80]} wrongly")
