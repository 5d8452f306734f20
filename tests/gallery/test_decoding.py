"""Uploads: honest pictures come out clean, hostile ones cost nothing."""

import io
import os
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from gallery import decoding
from gallery.decoding import InvalidImage, Raster, Undecodable, WrongFormat

ROOT = Path(__file__).parents[2]
FORMATS = ("PNG", "JPEG", "WEBP")
# Formats whose decoders had holes, or that draw in other programs.
RARE = ("TIFF", "GIF", "BMP", "ICO", "PPM", "TGA", "PCX", "SGI", "JPEG2000", "EPS", "PDF", "DDS")
GROWTH = """
import resource, sys
from gallery import decoding
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    got = decoding.decode(data)
except decoding.InvalidImage as problem:
    got = problem
children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(type(got).__name__, (after - before) // 1024, children // 1024)
"""


def noise(width: int = 40, height: int = 24, mode: str = "RGB") -> Image.Image:
    return Image.effect_noise((width, height), 60).convert(mode)


def encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def flood(side: int, claimed: int | None = None) -> bytes:
    """A PNG of one colour, `side` pixels each way: half a megabyte that unfolds to hundreds."""
    packer = zlib.compressobj(9)
    row = b"\0" * (side * 3 + 1)
    packed = b"".join([packer.compress(row) for _ in range(side)]) + packer.flush()
    header = struct.pack(">IIBBBBB", claimed or side, claimed or side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def measured(data: bytes) -> tuple[str, int, int]:
    """What came of it, and the megabytes that this process grew by and that its child took."""
    done = subprocess.run(
        [sys.executable, "-c", GROWTH], input=data, capture_output=True, cwd=ROOT, check=True
    )
    name, grown, child = done.stdout.decode().split()
    return name, int(grown), int(child)


@pytest.mark.parametrize("form", FORMATS)
def test_a_picture_comes_out_as_it_went_in(form: str) -> None:
    picture = noise()
    raster = decoding.decode(
        encoded(picture, form, **({"lossless": True} if form == "WEBP" else {}))
    )
    assert (raster.width, raster.height, raster.mode, raster.frames) == (40, 24, "RGB", 1)
    assert len(raster.pixels) == 40 * 24 * 3
    assert form == "JPEG" or raster.pixels == picture.tobytes()


def test_transparency_stays() -> None:
    assert decoding.decode(encoded(noise(mode="RGBA"), "PNG")).mode == "RGBA"
    assert decoding.decode(encoded(noise(mode="P"), "PNG", transparency=0)).mode == "RGBA"


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16"])
def test_every_depth_becomes_eight_bits_a_channel(mode: str) -> None:
    picture = Image.new("I;16", (4, 4), 0x8000) if mode == "I;16" else noise(4, 4, mode)
    raster = decoding.decode(encoded(picture, "PNG"))
    assert (raster.mode, len(raster.pixels)) == ("RGB", 48)
    assert mode != "I;16" or raster.pixels == bytes([0x80]) * 48


def test_of_an_animation_the_first_frame_comes_and_it_is_said() -> None:
    frames = [noise(), noise()]
    raster = decoding.decode(encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    assert (raster.frames, raster.pixels) == (2, frames[0].tobytes())


def test_a_turned_photograph_is_upright_and_says_no_more_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    raster = decoding.decode(encoded(noise(40, 24), "JPEG", exif=exif))
    assert (raster.width, raster.height) == (24, 40)
    assert set(Raster.__slots__) == {"pixels", "width", "height", "mode", "frames"}


def test_nothing_but_pixels_survives_a_polyglot() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "<script>alert(1)</script>")
    hostile = encoded(noise(), "PNG", pnginfo=text) + b"<html><script>alert(1)</script>PK\x03\x04"
    assert b"script" not in decoding.decode(hostile).pixels


@pytest.mark.parametrize("form", RARE)
def test_rare_formats_never_reach_a_decoder(form: str) -> None:
    with pytest.raises(WrongFormat):
        decoding.decode(encoded(noise(), form))


@pytest.mark.parametrize("side", [4097, 13_000])
def test_a_flood_of_pixels_is_refused_by_its_header(side: int) -> None:
    name, grown, child = measured(flood(side))
    assert (name, child) == ("TooManyPixels", 0)
    assert grown < 50


def test_a_header_that_lies_small_drowns_nobody() -> None:
    name, grown, child = measured(flood(13_000, claimed=64))
    assert (name, grown < 50, child < 100) == ("Raster", True, True)


def test_a_lying_picture_yields_no_more_than_its_header_says() -> None:
    assert len(decoding.decode(flood(3000, claimed=64)).pixels) == 64 * 64 * 3


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kept", [9, 20, 30, 60])
def test_a_picture_that_ends_early_is_refused(form: str, kept: int) -> None:
    with pytest.raises(InvalidImage) as refused:
        decoding.decode(encoded(noise(200, 200), form)[:kept], "images[0]")
    assert (refused.value.code, refused.value.param) == ("invalid_image", "images[0]")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8",
        b"\xff\xd8" + b"\xff" * 5000,
        b"\xff\xd8" + b"\xff\xe0\x00\x00" * 5000,
        b"RIFF\0\0\0\0WEBP",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"GIF89a" + bytes(64),
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!DOCTYPE html><img src=x onerror=alert(1)>",
        b"%PDF-1.7",
        b"PK\x03\x04" + bytes(64),
        b"\x80\x04cposix\nsystem\n",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(17),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidImage):
        decoding.decode(data)


def test_a_text_that_unfolds_without_end_is_refused() -> None:
    bomb = chunk(b"zTXt", b"comment\0\0" + zlib.compress(b"x" * 200_000_000, 9))
    picture = encoded(noise(), "PNG")
    at = picture.index(b"IDAT") - 4
    name, grown, child = measured(picture[:at] + bomb + picture[at:])
    assert (name, grown < 50, child < 150) == ("Undecodable", True, True)


def stuck(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    child = folder / "child.py"
    child.write_text(code)
    monkeypatch.setattr(decoding, "CHILD", child)
    monkeypatch.setattr(decoding, "SECONDS", 0.5)


def test_a_decoder_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stuck(
        monkeypatch,
        tmp_path,
        f"import os, time\nopen(r'{tmp_path}/pid', 'w').write(str(os.getpid()))\ntime.sleep(60)",
    )
    begun = time.monotonic()
    with pytest.raises(Undecodable, match="too long"):
        decoding.decode(encoded(noise(), "PNG"))
    assert time.monotonic() - begun < 30
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_decoder_that_crashes_is_a_bad_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stuck(monkeypatch, tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(Undecodable):
        decoding.decode(encoded(noise(), "PNG"))


def test_many_refusals_leave_no_file_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with pytest.raises(InvalidImage):
            decoding.decode(encoded(noise(), "PNG")[:200])
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_the_decoder_writes_no_file(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, 'gallery'); import decoding_child; decoding_child.confine();"
        f"open(r'{tmp_path}/written', 'wb', buffering=0).write(b'x' * 10)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert done.returncode != 0
    assert (tmp_path / "written").read_bytes() == b""


@pytest.mark.parametrize("filling", [b"\xff", b"\xff\xd0", b"\xff\xe1\x00\x02"])
def test_a_jpeg_that_never_comes_to_its_frame_costs_nothing(filling: bytes) -> None:
    begin = time.monotonic()
    with pytest.raises(Undecodable):
        decoding.size_of(b"\xff\xd8" + filling * (32 * 2**20 // len(filling)))
    assert time.monotonic() - begin < 3
