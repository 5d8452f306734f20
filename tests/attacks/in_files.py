"""Attacks that are files: pictures to decode, models to find, tasks to unpack, our own sources."""

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gallery import decoding
from modelhub.detection import detect
from tests.attacks.stage import Stage
from tests.attacks.table import Attack
from tests.model_folders import build

ROOT = Path(__file__).parents[2]


class Trap:
    """Whoever unpickles it writes the canary."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.canary}",)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *extra: bytes, data: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", data), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def drawn(form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((32, 32), 50).convert("RGB").save(out, form, **options)
    return out.getvalue()


def zeros(size: int) -> bytes:
    packer = zlib.compressobj(9)
    block = bytes(2**20)
    return b"".join(packer.compress(block) for _ in range(size >> 20)) + packer.flush()


PICTURES: Mapping[str, Callable[[], bytes]] = {
    "png-of-169-megapixels": lambda: png(13_000, 13_000, data=zeros(13_000 * 39_001)),
    "png-of-400-megapixels": lambda: png(20_000, 20_000),
    "png-of-two-billion-columns": lambda: png(2**31 - 1, 1),
    "png-without-pixels": lambda: png(0, 0),
    "png-with-a-text-of-200-megabytes": lambda: png(
        8, 8, chunk(b"zTXt", b"a\0\0" + zeros(2 * 10**8))
    ),
    "png-with-a-profile-of-200-megabytes": lambda: png(
        8, 8, chunk(b"iCCP", b"a\0\0" + zeros(2 * 10**8))
    ),
    "png-with-too-little-data": lambda: png(64, 64, data=zlib.compress(b"x")),
    "jpeg-of-65535-squared": lambda: b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03",
    "jpeg-of-fillings": lambda: b"\xff\xd8" + b"\xff" * (32 * 2**20),
    "jpeg-of-restarts": lambda: b"\xff\xd8" + b"\xff\xd0" * (16 * 2**20),
    "jpeg-of-empty-segments": lambda: b"\xff\xd8" + b"\xff\xe1\0\x02" * (8 * 2**20),
    "png-with-a-header-behind-another-chunk": lambda: (
        b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", b"a\0b") + png(8, 8)[8:]
    ),
    "png-of-a-million-chunks": lambda: png(8, 8, chunk(b"tEXt", b"a\0b") * 1_000_000),
    # Its container says 8x8, the picture in it 16383x16383.
    "webp-of-two-sizes": lambda: (
        b"RIFF\x32\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0"
        + b"\x07\0\0" * 2
        + b"VP8L\x14\0\0\0\x2f"
        + ((16382 << 14) | 16382).to_bytes(4, "little")
        + bytes(15)
    ),
    "webp-of-16384-squared": lambda: (
        b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0" + b"\xff\x3f\x00" * 2 + bytes(8)
    ),
    "html": lambda: b"<!DOCTYPE html><script>alert(1)</script>",
    "xhtml": lambda: b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "svg-that-reads-a-file": lambda: (
        b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg><text>&x;</text></svg>'
    ),
    "pdf": lambda: drawn("PDF"),
    "eps": lambda: drawn("EPS"),
    "postscript-that-runs-a-program": lambda: b"%!PS\n(%pipe%touch /tmp/canary) (w) file",
    "mvg": lambda: b"push graphic-context\nfill 'url(https://127.0.0.1/\"|touch \"/tmp/canary)'",
    "tiff": lambda: drawn("TIFF"),
    "psd": lambda: b"8BPS\x00\x01" + bytes(64),
    "icns": lambda: b"icns" + struct.pack(">I", 64) + bytes(56),
    "blp": lambda: b"BLP2" + bytes(200),
    "fli": lambda: struct.pack("<IHHHHHH", 128, 0xAF11, 1, 8, 8, 8, 0) + bytes(110),
    "jpeg2000": lambda: drawn("JPEG2000"),
    "gif": lambda: drawn("GIF"),
    "bmp": lambda: drawn("BMP"),
    "ico": lambda: drawn("ICO"),
    "xbm": lambda: b"#define x_width 8\n#define x_height 8\nstatic char x_bits[] = {0};",
    "dds": lambda: drawn("DDS"),
    "pickle": lambda: pickle.dumps(Trap(Path("/tmp/never"))),
    "zip": lambda: zipped({"x.png": drawn("PNG")}),
    "nothing": lambda: b"",
}


def zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def decode(row: Attack, _: Stage) -> None:
    """`picture`: a name above. A refusal that names its parameter, before memory is taken."""
    for variant in row.variants():
        with pytest.raises(decoding.InvalidImage) as refused:
            decoding.decode(PICTURES[variant.given["picture"]](), "image")
        assert (refused.value.status, refused.value.param) == (400, "image")


# What each hides and how; {trap} is a pickle that writes the canary.
def _models(folder: Path, trap: bytes) -> Mapping[str, Callable[[], Path]]:
    def file(name: str, data: bytes) -> Callable[[], Path]:
        def make() -> Path:
            (folder / name).write_bytes(data)
            return folder / name

        return make

    def whole(change: Callable[[Path], object]) -> Callable[[], Path]:
        def make() -> Path:
            made = build(folder / "model")
            change(made)
            return made

        return make

    header = json.dumps({"__metadata__": {"x": "y"}}).encode()
    return {
        "ckpt": file("x.ckpt", trap),
        "pt": file("x.pt", trap),
        "pth": file("x.pth", trap),
        "bin": file("x.bin", trap),
        "pkl": file("x.pkl", trap),
        "pickle-named-safetensors": file("x.safetensors", trap),
        "zip-named-safetensors": file("x.safetensors", zipped({"archive/data.pkl": trap})),
        "torch-zip": file("x.ckpt", zipped({"archive/data.pkl": trap, "archive/version": b"3"})),
        "zip-in-bin": file("x.bin", zipped({"data.pkl": trap})),
        "gguf": file("x.gguf", b"GGUF\x03\0\0\0" + b"\xff" * 64),
        "onnx": file("x.onnx", b"\x08\x07" + bytes(64)),
        "h5": file("x.h5", b"\x89HDF\r\n\x1a\n" + bytes(64)),
        "safetensors-of-no-length": file("x.safetensors", bytes(8)),
        "safetensors-of-endless-header": file("x.safetensors", b"\xff" * 8 + b"{}"),
        "safetensors-of-huge-header": file(
            "x.safetensors", struct.pack("<Q", 2**40) + b"{" + b" " * 64
        ),
        "safetensors-of-deep-json": file(
            "x.safetensors", struct.pack("<Q", 200_000) + b"[" * 200_000
        ),
        "safetensors-that-is-a-list": file("x.safetensors", struct.pack("<Q", 2) + b"[]"),
        "safetensors-of-negative-offsets": file(
            "x.safetensors", _safetensors({"a": _tensor([-8, 8])}, bytes(8))
        ),
        "safetensors-of-overlapping-end": file(
            "x.safetensors", _safetensors({"a": _tensor([0, 2**50])}, bytes(8))
        ),
        "safetensors-of-wrong-types": file(
            "x.safetensors", _safetensors({"a": {"dtype": [], "data_offsets": "x"}}, bytes(8))
        ),
        "safetensors-of-text-only": file("x.safetensors", struct.pack("<Q", len(header)) + header),
        "pickled-part": whole(lambda m: (m / "unet/diffusion_pytorch_model.safetensors").write_bytes(trap)),
        "part-as-bin-only": whole(
            lambda m: (m / "unet/diffusion_pytorch_model.safetensors").rename(
                m / "unet/diffusion_pytorch_model.bin"
            )
        ),
        "index-of-foreign-class": whole(
            lambda m: _index(m, unet=["os", "system"])
        ),
        "index-of-foreign-pipeline": whole(lambda m: _index(m, _class_name="EvilPipeline")),
        "index-of-own-module": whole(lambda m: _index(m, unet=["evil", "UNet2DConditionModel"])),
        "index-that-is-a-list": whole(lambda m: (m / "model_index.json").write_text("[]")),
        "index-of-deep-json": whole(
            lambda m: (m / "model_index.json").write_text("[" * 100_000)
        ),
        "index-that-is-binary": whole(lambda m: (m / "model_index.json").write_bytes(trap)),
    }  # fmt: skip


def _tensor(offsets: list[int]) -> dict[str, Any]:
    return {"dtype": "F16", "shape": [4], "data_offsets": offsets}


def _safetensors(header: Mapping[str, Any], data: bytes) -> bytes:
    told = json.dumps(header).encode()
    return struct.pack("<Q", len(told)) + told + data


def _index(model: Path, **changes: Any) -> None:
    file = model / "model_index.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def scan(row: Attack, _: Stage, folder: Path) -> None:
    """`model`: a name above. Never ready, with the reason told; nothing in it ran."""
    canary = folder / "canary"
    model = _models(folder, pickle.dumps(Trap(canary)))[row.given["model"]]()
    found = detect(model, folder)
    assert not canary.exists()
    assert (str(found.state) in row.expected, bool(found.detail)) == (True, True), found


UNPACK = """
import sys
from aliceproject import queue
from django.core.signing import BadSignature
from django_q.signing import SignedPackage
try:
    SignedPackage.loads(sys.stdin.read())
except (TypeError, BadSignature) as refused:
    print(type(refused).__name__)
"""


def unpack(row: Attack, stage: Stage, folder: Path) -> None:
    """`payload`: what somebody who can write to the queue's table puts there."""
    canary = folder / "canary"
    trap = pickle.dumps(Trap(canary))
    forged = {
        "bare-pickle": trap.hex(),
        "unsigned": _b64(trap),
        "signed-with-another-key": f"{_b64(trap)}:1abcde:{'A' * 43}",
        "signed-for-another-purpose": _signed(trap, stage, "gallery.sharing.link"),
        "compressed": "." + _b64(zlib.compress(trap)) + ":1abcde:x",
        "nothing": "",
    }[row.given["payload"]]
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", UNPACK],
        input=forged, cwd=ROOT, env=stage.live.env, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["BadSignature"], done.stdout + done.stderr
    assert not canary.exists()


def _b64(data: bytes) -> str:
    import base64

    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _signed(data: bytes, stage: Stage, salt: str) -> str:
    from django.core.signing import TimestampSigner

    key = next(p for p in stage.live.data_dir.iterdir() if "secret" in p.name).read_text().strip()
    return TimestampSigner(key=key, salt=salt).sign(_b64(data))
