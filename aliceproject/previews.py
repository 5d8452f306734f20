"""Pictures of other people's models, made small by the gallery's decoder: settings name this."""

from PIL import Image as Pillow

from gallery import decoding, encoding

SIDE = 384


def shrink(data: bytes) -> bytes:
    """A PNG, JPEG or WebP as a WebP of at most 384 pixels a side. Raises InvalidImage."""
    raster = decoding.decode(data, "preview")
    picture = Pillow.frombytes(raster.mode, (raster.width, raster.height), raster.pixels)
    return encoding.thumbnail(picture, SIDE)
