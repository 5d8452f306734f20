"""Which hosts models come from, and which of them is told who we are."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from django.conf import settings

from modelhub import addresses, fetcher
from modelhub.fetcher import Policy
from modelhub.sources.contract import GivenUp

# Where the catalogues keep their files, and what they redirect to.
STORAGE = (
    ".huggingface.co", ".hf.co", ".civitai.com", ".r2.cloudflarestorage.com",
    ".backblazeb2.com",
)  # fmt: skip
PUBLIC = frozenset({"huggingface.co", "civitai.com"})
# An answer that is read as a whole, in bytes, and how long it may take, in seconds. A page of a
# repository's files has half a megabyte, a model with a hundred versions a few.
ANSWER_BYTES, ANSWER_SECONDS = 8_000_000, 30.0


def policy(given_up: GivenUp = bool) -> Policy:
    """For files of any size, from the catalogues, their storage and ALICE_HUB_HOSTS."""
    return replace(
        fetcher.HUB,
        hosts=tuple(_hosts()),
        inside=frozenset(_inside()),
        given_up=given_up,
    )


def for_answers(given_up: GivenUp = bool) -> Policy:
    """The same hosts, for what is read into memory."""
    return replace(policy(given_up), max_bytes=ANSWER_BYTES, seconds=ANSWER_SECONDS)


def allowed(host: str) -> bool:
    """Whether files may come from this host; an address must be named as such."""
    known = set(_hosts()) | set(_inside())
    return any(host == name or (name[:1] == "." and host.endswith(name)) for name in known)


def credentials(url: str) -> Mapping[str, str]:
    """The headers that prove to the host of `url`, and to no other, who we are."""
    origin = addresses.parse(url).origin
    for base, token in _tokens():
        if token and addresses.parse(base).origin == origin:
            return {"Authorization": f"Bearer {token}"}
    return {}


def _tokens() -> Iterator[tuple[str, str]]:
    yield settings.ALICE_HUGGINGFACE_URL, settings.ALICE_HUGGINGFACE_TOKEN
    yield settings.ALICE_CIVITAI_URL, settings.ALICE_CIVITAI_TOKEN


def _hosts() -> Iterator[str]:
    yield from STORAGE
    yield from PUBLIC
    yield from (name.lower() for name in settings.ALICE_HUB_HOSTS)
    for base, _ in _tokens():
        yield urlsplit(base).hostname or ""


def _inside() -> Iterator[str]:
    """Hosts that the operator put into this network by name: mirrors, at their port alone, and
    addresses as such.

    A name in ALICE_HUB_HOSTS is somebody else's and must not turn out to mean a machine of ours.
    """
    for base, _ in _tokens():
        mirror = addresses.parse(base)
        if mirror.host not in PUBLIC:
            yield f"{mirror.host}:{mirror.port}"
    for name in settings.ALICE_HUB_HOSTS:
        if _is_address(name):
            yield name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
