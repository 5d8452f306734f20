"""Replies that are made while they are sent, however long they get."""

from collections.abc import AsyncIterator, Iterator
from functools import partial

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header


def download(pieces: Iterator[bytes], filename: str, media: str) -> StreamingHttpResponse:
    """A file kept under `filename` by whoever asked for it, and by no cache."""
    name = content_disposition_header(as_attachment=True, filename=filename)
    headers = {
        "Content-Disposition": name or "attachment",
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingHttpResponse(_off_the_loop(pieces), content_type=media, headers=headers)


async def _off_the_loop(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece is read in the request's thread; Django would gather a plain iterator whole."""
    step = sync_to_async(partial(next, pieces, None))
    while (piece := await step()) is not None:
        yield piece
