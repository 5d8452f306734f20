"""The catalogues there are, as rows: where each is, how it is asked, how its answer is read.

Busy                  503
├── CatalogueDown     catalogue_unavailable: away, slow, or not answering in its own protocol
├── CatalogueBusy     catalogue_rate_limited: asked too often
└── CatalogueRefuses  catalogue_refused: our token is not accepted there
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.cache import cache

from accounts.problems import Busy, Problem
from modelhub import addresses, fetcher
from modelhub.fetcher import Policy
from modelhub.models.downloads import Source
from modelhub.searching import civitai, huggingface, reading
from modelhub.searching.finds import OtherShape, Question, Reply

SECONDS = 15.0
MOST_BYTES = 16 * 10**6
PREVIEW_SECONDS, MOST_PREVIEW = 10.0, 5 * 10**6
OFTEN = frozenset({429, 420})
REFUSED = frozenset({401, 403})


class CatalogueDown(Busy):
    code = "catalogue_unavailable"


class CatalogueBusy(Busy):
    code = "catalogue_rate_limited"


class CatalogueRefuses(Busy):
    code = "catalogue_refused"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`url` and `token` name settings; `home` is where the world has it; `pictures` are hosts whose
    previews are fetched.

    `query` makes the parameters of a question and what the page before said of the next one,
    `read` takes the JSON and the headers of its answer apart.
    """

    title: str
    url: str
    token: str
    home: str
    path: str
    pictures: tuple[str, ...]
    query: Callable[[Question, str], Sequence[tuple[str, str]]]
    read: Callable[[Any, Mapping[str, str], str], Reply]

    @property
    def base(self) -> str:
        return str(getattr(settings, self.url))

    def policy(self) -> Policy:
        """Its own host and no other; on this machine's network only where the operator put it, and
        at its port alone.
        """
        mirror = addresses.parse(self.base)
        ours = self.base != self.home
        return replace(
            fetcher.HUB,
            hosts=() if ours else (mirror.host,),
            inside=frozenset({f"{mirror.host}:{mirror.port}"} if ours else ()),
            redirects=2,
            max_bytes=MOST_BYTES,
            seconds=SECONDS,
            stall=SECONDS,
        )

    def for_preview(self, url: str) -> tuple[Policy, Mapping[str, str]]:
        """How a picture is fetched, and what is sent for it.

        An address in a catalogue's answer is a stranger's: off the catalogue's own origin it must
        be one of the known public hosts, whatever the operator's own address is.
        """
        small = replace(self.policy(), max_bytes=MOST_PREVIEW, seconds=PREVIEW_SECONDS)
        public = (*self.pictures, *settings.ALICE_HUB_HOSTS)
        if addresses.parse(url).origin != addresses.parse(self.base).origin:
            return replace(small, hosts=public, inside=frozenset()), {}
        if small.inside:
            return replace(small, redirects=0), self.credentials()
        hosts = (*(small.hosts or ()), *public)
        return replace(small, hosts=hosts, redirects=5), self.credentials()

    def credentials(self) -> dict[str, str]:
        token = getattr(settings, self.token)
        return {"Authorization": f"Bearer {token}"} if token else {}


CATALOGUES: Mapping[str, Catalogue] = {
    Source.CIVITAI: Catalogue(
        title="CivitAI",
        url="ALICE_CIVITAI_URL",
        token="ALICE_CIVITAI_TOKEN",  # noqa: S106 a setting's name
        home="https://civitai.com",
        path="/api/v1/models",
        pictures=("image.civitai.com", "imagecache.civitai.com"),
        query=civitai.query,
        read=civitai.read,
    ),
    Source.HUGGINGFACE: Catalogue(
        title="Hugging Face",
        url="ALICE_HUGGINGFACE_URL",
        token="ALICE_HUGGINGFACE_TOKEN",  # noqa: S106 a setting's name
        home="https://huggingface.co",
        path="/api/models",
        pictures=("huggingface.co", ".huggingface.co", ".hf.co"),
        query=huggingface.query,
        read=huggingface.read,
    ),
}


def ask(question: Question, onward: str = "") -> Reply:
    """The catalogue's answer. Blocks for at most 15 s and touches no database.

    `onward` is what the page before said of this one. Raises the problems named above.
    """
    catalogue = CATALOGUES[question.source]
    silence = f"catalogue-silence-{question.source}"
    if cache.get(silence):
        raise CatalogueBusy(f"{catalogue.title} asks for fewer requests.", retry_after=30)
    url = f"{catalogue.base}{catalogue.path}?{urlencode(catalogue.query(question, onward))}"
    status, headers, body = _fetched(catalogue, url)
    if status in OFTEN:
        wait = _seconds(headers.get("retry-after", ""))
        cache.set(silence, True, wait)  # noqa: FBT003 a value
        raise CatalogueBusy(f"{catalogue.title} asks for fewer requests.", retry_after=wait)
    if status in REFUSED:
        raise CatalogueRefuses(
            f"{catalogue.title} refuses this server ({status}): see {catalogue.token}.",
            retry_after=60,
        )
    if status != 200:
        raise CatalogueDown(f"{catalogue.title} answered {status}.", retry_after=30)
    try:
        reply = catalogue.read(reading.json_of(body), headers, catalogue.base)
    except (ValueError, RecursionError, OtherShape):
        told = f"{catalogue.title} did not answer as a catalogue does."
        raise CatalogueDown(told, retry_after=30) from None
    return replace(reply, finds=tuple({find.external_id: find for find in reply.finds}.values()))


def _fetched(catalogue: Catalogue, url: str) -> tuple[int, Mapping[str, str], bytes]:
    sent = {"Accept": "application/json"} | catalogue.credentials()
    try:
        with fetcher.opened(url, catalogue.policy(), headers=sent) as reply:
            headers = {name.lower(): value for name, value in reply.headers.items()}
            return reply.status, headers, reply.read() if reply.status == 200 else b""
    except Problem as problem:
        told = f"{catalogue.title} cannot be asked: {problem.message}"
        raise CatalogueDown(told, retry_after=30) from problem


def _seconds(text: str) -> int:
    return max(1, min(600, int(text))) if text.isascii() and text.isdigit() else 30
