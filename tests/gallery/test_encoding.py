from io import BytesIO

import pytest
from PIL import Image as Pillow

from gallery import encoding, metadata
from gallery.encoding import Format
from tests.gallery.conftest import pixels, recipe

COMMENT, FOLDER, DESCRIPTION = 0x9286, 0x8769, 0x010E


def raster(width: int = 64, height: int = 64) -> Pillow.Image:
    return encoding.open_raster(pixels(width, height), width, height)


def test_png_keeps_every_pixel() -> None:
    with Pillow.open(BytesIO(encoding.png(raster(), recipe()))) as picture:
        assert picture.format == "PNG"
        assert picture.tobytes() == pixels()


@pytest.mark.parametrize("rgb", [b"", pixels()[:-1], pixels() + b"x"])
def test_pixels_must_fill_the_size(rgb: bytes) -> None:
    with pytest.raises(ValueError, match="are not 64x64 RGB pixels"):
        encoding.open_raster(rgb, 64, 64)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((512, 512), (256, 256)), ((512, 256), (256, 128)), ((64, 64), (64, 64))],
)
def test_thumbnail_fits_256_pixels(size: tuple[int, int], expected: tuple[int, int]) -> None:
    with Pillow.open(BytesIO(encoding.thumbnail(raster(*size)))) as picture:
        assert (picture.format, picture.size) == ("WEBP", expected)


@pytest.mark.parametrize("fmt", ["jpeg", "webp"])
def test_other_format_looks_the_same_and_keeps_the_recipe(fmt: Format) -> None:
    data = encoding.as_format(encoding.png(raster(), recipe()), fmt, 95)
    with Pillow.open(BytesIO(data)) as picture:
        assert picture.format == fmt.upper()
        far = max(abs(a - b) for a, b in zip(picture.tobytes(), pixels(), strict=True))
        exif = picture.getexif()
    assert far < 40
    assert metadata.from_text(exif[DESCRIPTION]) == recipe()
    comment = exif.get_ifd(FOLDER)[COMMENT]
    assert comment.removeprefix(b"UNICODE\0").decode("utf-16-be").startswith("a serene")


def test_png_stays_as_it_is() -> None:
    stored = encoding.png(raster(), recipe())
    assert encoding.as_format(stored, "png", 1) is stored


def test_lower_quality_is_smaller() -> None:
    stored = encoding.png(raster(256, 256), recipe())
    sizes = [len(encoding.as_format(stored, "jpeg", quality)) for quality in (0, 30, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 2


def test_recipe_too_long_for_jpeg_is_left_out_of_it_alone() -> None:
    stored = encoding.png(raster(), recipe(prompt="漢" * 32_000))
    with Pillow.open(BytesIO(encoding.as_format(stored, "jpeg"))) as picture:
        assert not picture.getexif()
    with Pillow.open(BytesIO(encoding.as_format(stored, "webp"))) as picture:
        assert "漢" in metadata.from_text(picture.getexif()[DESCRIPTION]).prompt
