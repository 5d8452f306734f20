"""Asking sources over HTTP: JSON as a whole, files from any byte on."""

import email.message
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from modelhub import fetcher
from modelhub.fetcher import Reply
from modelhub.searching import reading
from modelhub.sources import hosts
from modelhub.sources.contract import Body, GivenUp, Wanted
from modelhub.sources.errors import (
    Later,
    NotAFile,
    NotThere,
    SourceFailed,
    TokenNeeded,
    TooMuch,
)

RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
LONGEST_PAUSE = 3600.0


def answer(url: str, given_up: GivenUp = bool) -> tuple[Any, Mapping[str, str]]:
    """The JSON at `url`, and the headers it came with."""
    with fetcher.opened(url, hosts.for_answers(given_up), headers=hosts.credentials(url)) as reply:
        refuse(reply, url)
        told = reply.read()
    try:
        return reading.json_of(told), reply.headers
    except reading.Swollen:
        raise TooMuch(f"{host_of(url)} answers with more than anybody would say.") from None
    except (ValueError, RecursionError):
        raise SourceFailed(f"{host_of(url)} does not answer in JSON.") from None


@contextmanager
def opened(wanted: Wanted, given_up: GivenUp) -> Iterator[Body]:
    """A file; from its beginning where the other side cannot, or must not, go on."""
    with _asked(wanted, given_up) as reply:
        if _goes_on(reply, wanted):
            yield _body(reply, wanted.start)
            return
        if reply.status not in {
            HTTPStatus.PARTIAL_CONTENT,
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        }:
            refuse(reply, wanted.url)
            yield _body(reply, 0)
            return
    # It went on with something else than what we have the beginning of.
    with _asked(Wanted(wanted.url), given_up) as reply:
        refuse(reply, wanted.url)
        yield _body(reply, 0)


def host_of(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


def refuse(reply: Reply, url: str) -> None:
    """Raises what the status of an answer means, if it is none of success."""
    status, where = reply.status, host_of(url)
    if status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        return
    if status in {401, 403}:
        raise TokenNeeded(f"{where} lets nobody have this without a token that may ({status}).")
    if status in {404, 410, 451}:
        raise NotThere(f"{where} has nothing there ({status}).")
    if status in {408, 425, 429} or status >= 500:
        raise Later(f"{where} cannot answer just now ({status}).", _pause(reply))
    raise SourceFailed(f"{where} answers {status}.")


@contextmanager
def _asked(wanted: Wanted, given_up: GivenUp) -> Iterator[Reply]:
    headers = dict(hosts.credentials(wanted.url))
    if wanted.start:
        headers["Range"] = f"bytes={wanted.start}-"
        # It would have to be strong. What came is held against the sum where there is only a weak one.
        if wanted.etag and not wanted.etag.startswith("W/"):
            headers["If-Range"] = wanted.etag
    with fetcher.opened(wanted.url, hosts.policy(given_up), headers=headers) as reply:
        yield reply


def _goes_on(reply: Reply, wanted: Wanted) -> bool:
    found = RANGE.fullmatch(_header(reply, "Content-Range"))
    return (
        reply.status == HTTPStatus.PARTIAL_CONTENT
        and found is not None
        and int(found.group(1)) == wanted.start
        # Some honour Range and know nothing of If-Range.
        and (not wanted.etag or _header(reply, "ETag") in {wanted.etag, ""})
    )


def _body(reply: Reply, start: int) -> Body:
    message = email.message.Message()
    message["Content-Type"] = _header(reply, "Content-Type") or "application/octet-stream"
    message["Content-Disposition"] = _header(reply, "Content-Disposition")
    if message.get_content_type() in {"text/html", "application/xhtml+xml"}:
        raise NotAFile(f"{host_of(reply.url)} sent a page instead of a file.")
    announced = reply.announced
    return Body(
        start=start,
        total=None if announced is None else start + announced,
        etag=_header(reply, "ETag"),
        pieces=reply.pieces(),
        name=message.get_filename() or "",
    )


def _pause(reply: Reply) -> float:
    told = _header(reply, "Retry-After")
    try:
        seconds = float(told)
    except ValueError:
        seconds = _until(told)
    return min(max(seconds, 0.0), LONGEST_PAUSE) if seconds == seconds else 0.0  # noqa: PLR0124 NaN


def _until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, TypeError):
        return 0.0


def _header(reply: Reply, name: str) -> str:
    return next((v for k, v in reply.headers.items() if k.lower() == name.lower()), "")
