"""Pictures of finds: fetched by this server, decoded at arm's length, kept small on our own disk."""

import hashlib
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.utils.module_loading import import_string

from accounts.problems import Busy, NotFound, Problem
from modelhub import fetcher
from modelhub.searching.catalogues import CATALOGUES

MB = 10**6
# What could not be had is not tried again for so long, in seconds.
FORGIVEN = 600
MOST_COMING = 200
_fetchers = ThreadPoolExecutor(4, "preview")
_coming: dict[str, Future[bytes]] = {}
_lock = threading.Lock()


class NoPreview(NotFound):
    code = "preview_unavailable"


def kept(url: str) -> bytes | None:
    """The small copy, if it is here; whoever is looked at stays longest."""
    file = _file(url)
    try:
        os.utime(file)
        return file.read_bytes()
    except OSError:
        return None


def coming(source: str, url: str) -> "Future[bytes]":
    """The small copy, once it is fetched: one fetch for all who wait for it.

    The future raises NoPreview. Raises Busy when far too many are waited for.
    """
    with _lock:
        known = _coming.get(url)
        if known is not None:
            return known
        if len(_coming) >= MOST_COMING:
            raise Busy("Too many previews are on their way.", retry_after=2)
        future = _coming[url] = _fetchers.submit(_made, source, url)
        future.add_done_callback(lambda _: _coming.pop(url, None))
        return future


def _made(source: str, url: str) -> bytes:
    failed = f"preview-failed-{_name(url)}"
    if cache.get(failed):
        raise NoPreview("This preview could not be had a short while ago.")
    try:
        small = _shrink()(_fetched(source, url))
    except Problem as problem:
        cache.set(failed, True, FORGIVEN)  # noqa: FBT003 a value
        raise NoPreview(f"This preview cannot be had: {problem.message}") from problem
    keep(url, small)
    return small


def _shrink() -> Callable[[bytes], bytes]:
    """The gallery can, and is a stranger here: the project brings us together."""
    shrink: Callable[[bytes], bytes] = import_string(settings.PREVIEW_SHRINKER)
    return shrink


def _fetched(source: str, url: str) -> bytes:
    catalogue = CATALOGUES[source]
    policy, headers = catalogue.for_preview(url)
    with fetcher.opened(url, policy, headers=headers) as reply:
        if reply.status != 200:
            raise NoPreview(f"The catalogue answered {reply.status}.")
        return reply.read()


def keep(url: str, data: bytes) -> None:
    """A full disk is no reason not to show it."""
    file = _file(url)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
        draft.replace(file)
        _trim(folder(), int(settings.ALICE_PREVIEW_CACHE_MB * MB))
    except OSError:
        draft.unlink(missing_ok=True)


def _trim(root: Path, most: int) -> None:
    """Those that nobody looked at for longest go first."""
    files = [(s.st_mtime, s.st_size, f) for f in root.rglob("*") if f.is_file() for s in [f.stat()]]
    total = sum(size for _, size, _ in files)
    for _, size, file in sorted(files):
        if total <= most:
            return
        file.unlink(missing_ok=True)
        total -= size


def folder() -> Path:
    return Path(settings.ALICE_DATA_DIR) / "cache" / "previews"


def _name(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _file(url: str) -> Path:
    name = _name(url)
    return folder() / name[:2] / f"{name}.webp"
