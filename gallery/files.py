"""Pictures as HTTP replies: asked again every time, sent again only when changed."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from gallery import storage
from gallery.encoding import Format
from gallery.models import Image

QUALITY = 92
FORMATS: dict[str, Format] = {"png": "png", "jpg": "jpeg", "webp": "webp"}


def picture(request: HttpRequest, image: Image, extension: str = "png") -> HttpResponseBase:
    """The picture as png, jpg or webp. Raises FileLost or StorageDown."""
    fmt = FORMATS[extension]

    def load() -> bytes:
        return storage.as_format(storage.read(image), fmt, QUALITY)

    reply = _reply(request, f'"{image.sha256}-{extension}"', f"image/{fmt}", load)
    reply["Content-Disposition"] = f'inline; filename="{image.pk}.{extension}"'
    return reply


def thumbnail(request: HttpRequest, image: Image) -> HttpResponseBase:
    """The WebP thumbnail. Raises FileLost or StorageDown."""

    def load() -> bytes:
        return storage.read_thumbnail(image)

    return _reply(request, f'"{image.sha256}-thumbnail"', "image/webp", load)


def _reply(
    request: HttpRequest, etag: str, content_type: str, load: Callable[[], bytes]
) -> HttpResponseBase:
    """200 with the bytes, or 304 without having read them."""
    reply = get_conditional_response(request, etag) or HttpResponse(
        load(), content_type=content_type
    )
    reply["ETag"] = etag
    # Revocation is immediate because every use asks again; the ETag makes the answer short.
    reply["Cache-Control"] = "private, no-cache"
    reply["X-Content-Type-Options"] = "nosniff"
    # Opened alone, a picture is a document: it may carry a browser's own frame, and run nothing.
    reply["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return reply
