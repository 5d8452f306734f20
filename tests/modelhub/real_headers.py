"""Weight files as they really are, cut to a few dozen tensors: real names, real shapes, no data.

headers/*.json holds one each: what it is, its metadata, its tensors as "dtype sides". The file that
is made of it has its true size and takes no room: nothing is written but the header.
"""

import json
import os
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from modelhub.weights import BITS

HERE = Path(__file__).parent / "headers"
NAMES = sorted(file.stem for file in HERE.glob("*.json"))


@cache
def fixture(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text())
    return data


def shapes(name: str) -> dict[str, tuple[str, list[int]]]:
    """Tensor name -> dtype and shape."""
    parts = {tensor: text.split(" ") for tensor, text in fixture(name)["tensors"].items()}
    return {
        tensor: (dtype, [int(side) for side in sides.split("x") if side])
        for tensor, (dtype, *rest) in parts.items()
        for sides in ["".join(rest)]
    }


def build(name: str, folder: Path, called: str = "") -> Path:
    """The fixture as a file in `folder`, sparse."""
    tensors = shapes(name)
    return write(folder / f"{called or name}.safetensors", tensors, fixture(name).get("metadata"))


def write(file: Path, tensors: dict[str, Any], metadata: Any = None) -> Path:
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for tensor, (dtype, shape) in tensors.items():
        start, end = end, end + (prod(shape) * BITS[dtype] + 7) // 8
        header[tensor] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    told = json.dumps(header).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(len(told).to_bytes(8, "little") + told)
    os.truncate(file, 8 + len(told) + end)
    return file
