"""What a safetensors file says about itself in its header; the tensors are never read."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LENGTH_BYTES = 8
# The format's own limit: a larger header is no safetensors file, most often a renamed pickle.
MAX_HEADER_BYTES = 100_000_000

PRECISIONS: Mapping[str, str] = {
    "F64": "fp64",
    "F32": "fp32",
    "F16": "fp16",
    "BF16": "bf16",
    "F8_E4M3": "fp8",
    "F8_E5M2": "fp8",
    "I8": "int8",
}


class WeightsUnreadable(Exception):
    """The file is no safetensors file, or not a whole one; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Header:
    """Tensor names, the precision most of the bytes are kept in, and the file's size in bytes."""

    names: frozenset[str]
    precision: str
    size_bytes: int


def read_header(file: Path) -> Header:
    """The header of `file`; WeightsUnreadable for foreign, cut or inconsistent files."""
    size = file.stat().st_size
    tensors = _tensors(file, size)
    bytes_of: Counter[str] = Counter()
    end = 0
    for name, tensor in tensors.items():
        start, stop = _offsets(file, name, tensor)
        bytes_of[str(tensor["dtype"])] += stop - start
        end = max(end, stop)
    expected = LENGTH_BYTES + _header_length(file) + end
    if size != expected:
        raise WeightsUnreadable(f"{file.name} has {size} bytes of {expected}: it is not whole")
    dtype = bytes_of.most_common(1)[0][0] if bytes_of else ""
    return Header(frozenset(tensors), PRECISIONS.get(dtype, dtype.lower()), size)


def _header_length(file: Path) -> int:
    with file.open("rb") as stream:
        return int.from_bytes(stream.read(LENGTH_BYTES), "little")


def _tensors(file: Path, size: int) -> dict[str, dict[str, Any]]:
    length = _header_length(file)
    if not 2 <= length <= min(MAX_HEADER_BYTES, size - LENGTH_BYTES):
        raise WeightsUnreadable(f"{file.name} is not a safetensors file, or not a whole one")
    with file.open("rb") as stream:
        stream.seek(LENGTH_BYTES)
        raw = stream.read(length)
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError):
        raise WeightsUnreadable(f"{file.name} has an unreadable header") from None
    if not isinstance(header, dict):
        raise WeightsUnreadable(f"{file.name} has an unreadable header")
    header.pop("__metadata__", None)
    return header


def _offsets(file: Path, name: str, tensor: Any) -> tuple[int, int]:
    try:
        start, stop = (int(offset) for offset in tensor["data_offsets"])
        if isinstance(tensor["dtype"], str) and 0 <= start <= stop:
            return start, stop
    except (TypeError, KeyError, ValueError, OverflowError):
        pass
    raise WeightsUnreadable(f"{file.name} describes its tensor {ascii(name)[:80]} wrongly")
