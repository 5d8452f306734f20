"""Pictures that people send: judged by their headers, then decoded by a process that may die.

InvalidImage   400 invalid_image
└── TooManyPixels, WrongFormat, Undecodable
"""

import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accounts.problems import Invalid

MAX_PIXELS = 2**24
SECONDS = 15.0
CHILD = Path(__file__).with_name("decoding_child.py")
# Each child may take half a gigabyte: what waits here costs nothing but its own bytes.
_slots = threading.BoundedSemaphore(min(4, os.cpu_count() or 1))

Size = tuple[int, int]


class InvalidImage(Invalid):
    code = "invalid_image"


class WrongFormat(InvalidImage):
    """None of the formats that are decoded at all."""


class TooManyPixels(InvalidImage):
    """Larger than MAX_PIXELS, by its own header."""


class Undecodable(InvalidImage):
    """Broken, or costs more memory or time than an honest picture of its size."""


@dataclass(frozen=True, slots=True)
class Raster:
    """A picture and nothing else: no EXIF, XMP, profile, text or further frames came along.

    `pixels`: 8 bits a channel, rows from the top, upright whatever its EXIF said; `mode` RGB, or
    RGBA where the file has transparency. `frames` above 1: it was animated and this is the first.
    """

    pixels: bytes
    width: int
    height: int
    mode: str
    frames: int


def decode(data: bytes, param: str = "image") -> Raster:
    """The picture in a PNG, JPEG or WebP file of at most 16.8 megapixels.

    Raises WrongFormat, TooManyPixels or Undecodable, naming `param`. Blocks for as long as the
    decoding takes, 15 s at most.
    """
    try:
        width, height = size_of(data)
        if width * height > MAX_PIXELS:
            raise TooManyPixels(f"The picture is {width}x{height}; at most {MAX_PIXELS} pixels.")
        return _in_child(data)
    except InvalidImage as problem:
        problem.param = param
        raise


def size_of(data: bytes) -> Size:
    """Width and height by the file's own header; nothing is decoded."""
    for magic, read in HEADERS:
        if data.startswith(magic):
            try:
                size = read(data)
            except (struct.error, IndexError):
                raise Undecodable("The picture ends within its header.") from None
            if 0 in size:
                raise Undecodable("The picture has no pixels.")
            return size
    raise WrongFormat("The picture must be a PNG, JPEG or WebP file.")


def _png(data: bytes) -> Size:
    if data[12:16] != b"IHDR":
        raise Undecodable("The PNG does not begin with its header.")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


# Every "start of frame" but those that are no such thing: DHT, JPG and DAC.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers without a length: TEM and the restarts.
BARE = frozenset({0x01, *range(0xD0, 0xD9)})
# Before the frame, filling included. Profiles and previews of cameras take some hundreds.
MOST_MARKERS = 10_000


def _jpeg(data: bytes) -> Size:
    at = 2
    for _ in range(MOST_MARKERS):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker in FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        # A marker may be preceded by any number of filling 0xFF.
        at += 1 if marker == 0xFF else 2
        if marker != 0xFF and marker not in BARE:
            at += max(2, struct.unpack_from(">H", data, at)[0])
    raise Undecodable("The JPEG has no frame.")


def _webp(data: bytes) -> Size:
    kind = data[12:16]
    if data[8:12] != b"WEBP":
        raise WrongFormat("The picture must be a PNG, JPEG or WebP file.")
    if kind == b"VP8X":
        return _three(data, 24) + 1, _three(data, 27) + 1
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise Undecodable("The WebP does not begin with a picture.")


def _three(data: bytes, at: int) -> int:
    return int.from_bytes(struct.unpack_from("3s", data, at)[0], "little")


HEADERS: tuple[tuple[bytes, Callable[[bytes], Size]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8", _jpeg),
    (b"RIFF", _webp),
)


def _in_child(data: bytes) -> Raster:
    command = [sys.executable, "-I", str(CHILD), str(MAX_PIXELS)]
    with _slots:
        try:
            done = subprocess.run(  # noqa: S603 our own program; the picture comes by its input
                command, input=data, capture_output=True, timeout=SECONDS, env={}, check=False
            )
        except subprocess.TimeoutExpired:
            raise Undecodable("The picture takes too long to decode.") from None
    head, _, pixels = done.stdout.partition(b"\n")
    if done.returncode != 0:
        raise Undecodable("The picture is broken or not what its header says.")
    told = json.loads(head)
    return Raster(pixels, told["width"], told["height"], told["mode"], told["frames"])
