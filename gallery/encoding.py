"""Pixels to files: PNG fast, thumbnails small, other formats on request."""

from io import BytesIO
from typing import Literal

from PIL import Image as Pillow

from gallery import metadata
from gallery.metadata import Recipe

Format = Literal["png", "jpeg", "webp"]
THUMBNAIL_SIDE = 256
THUMBNAIL_QUALITY = 80
HUFFMAN_ONLY = 2


def open_raster(rgb: bytes, width: int, height: int) -> Pillow.Image:
    """RGB bytes, row by row from the top. Raises ValueError when they do not fill the size."""
    if len(rgb) != width * height * 3:
        raise ValueError(f"{len(rgb)} bytes are not {width}x{height} RGB pixels")
    return Pillow.frombytes("RGB", (width, height), rgb)


def open_png(data: bytes) -> Pillow.Image:
    """A PNG of our own, decoded."""
    with Pillow.open(BytesIO(data), formats=["PNG"]) as picture:
        picture.load()
        return picture


def png(picture: Pillow.Image, recipe: Recipe) -> bytes:
    """Level 1 with Huffman coding only: five times faster than the default, hardly larger."""
    stream = BytesIO()
    chunks = metadata.png_chunks(recipe)
    picture.save(stream, "PNG", compress_level=1, compress_type=HUFFMAN_ONLY, pnginfo=chunks)
    return stream.getvalue()


def thumbnail(picture: Pillow.Image, side: int = THUMBNAIL_SIDE) -> bytes:
    """A WebP whose longer side is at most `side` pixels."""
    small = picture.copy()
    small.thumbnail((side, side), Pillow.Resampling.LANCZOS, reducing_gap=2)
    stream = BytesIO()
    small.save(stream, "WEBP", quality=THUMBNAIL_QUALITY, method=0)
    return stream.getvalue()


def as_format(png_bytes: bytes, fmt: Format, quality: int = 90) -> bytes:
    """A stored PNG as `fmt`, its recipe kept; `quality` 0..100, without effect on PNG.

    JPEG holds 64 KB of text: a longer recipe is left out of it, and of it alone.
    """
    if fmt == "png":
        return png_bytes
    recipe = metadata.from_png(png_bytes)
    limit = metadata.EXIF_LIMIT if fmt == "jpeg" else None
    text = metadata.exif(recipe, limit) if recipe else b""
    stream = BytesIO()
    with Pillow.open(BytesIO(png_bytes), formats=["PNG"]) as picture:
        # To the JPEG encoder 0 means "unsaid".
        picture.convert("RGB").save(stream, fmt.upper(), quality=max(quality, 1), exif=text)
    return stream.getvalue()
