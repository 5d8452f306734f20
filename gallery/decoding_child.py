"""Decodes the picture on standard input within hard limits: run by gallery.decoding, never imported.

Writes a line of JSON and the raw pixels; any other end than status 0 means a picture nobody wants.
"""

import contextlib
import io
import json
import resource
import sys

MEMORY_BYTES = 2**29
CPU_SECONDS = 10
LIMITS = {"AS": MEMORY_BYTES, "CPU": CPU_SECONDS, "FSIZE": 0, "CORE": 0, "NOFILE": 32}


def confine() -> None:
    for name, most in LIMITS.items():
        # Not every system knows every limit; the parent's clock holds everywhere.
        with contextlib.suppress(ValueError, OSError, AttributeError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def main(most_pixels: int) -> None:
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = most_pixels
    given = Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=("PNG", "JPEG", "WEBP"))
    if given.width * given.height > most_pixels:
        raise SystemExit("too many pixels")
    frames = getattr(given, "n_frames", 1)
    given.seek(0)
    given.load()
    upright = ImageOps.exif_transpose(given)
    if upright.mode.startswith("I"):
        # Sixteen bits: converting would clip them, not scale them.
        upright = upright.point(lambda value: value / 256).convert("L")
    mode = "RGBA" if upright.has_transparency_data else "RGB"
    plain = upright.convert(mode)
    head = {"width": plain.width, "height": plain.height, "mode": mode, "frames": frames}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n")
    sys.stdout.buffer.write(plain.tobytes())
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    confine()
    main(int(sys.argv[1]))
