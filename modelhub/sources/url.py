"""A file by its address, at one of the hosts that models may come from."""

import unicodedata
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from accounts.problems import Invalid
from modelhub import addresses
from modelhub.fetcher import HostNotAllowed
from modelhub.sources import hosts, names, web
from modelhub.sources.contract import Body, File, GivenUp, Plan, Wanted, Wish

# A URL is kept and shown; a secret in it would be too.
SECRETS = frozenset({"token", "access_token", "api_key", "apikey", "key", "password", "secret"})


class Url:
    """`{url, name}`; without a name the answer or the address tells it."""

    def read(self, reference: Mapping[str, Any]) -> Wish:
        url, name = str(reference.get("url") or ""), str(reference.get("name") or "")
        target = addresses.parse(url)
        if not hosts.allowed(target.host):
            raise addresses.refusal(target.host) or HostNotAllowed(
                f"Models are not fetched from {target.host}; ALICE_HUB_HOSTS names further hosts.",
                param="url",
            )
        query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
        if any(key.lower() in SECRETS for key, _ in query):
            raise Invalid(
                "A URL must carry no secret, since it is kept: set ALICE_HUGGINGFACE_TOKEN or "
                "ALICE_CIVITAI_TOKEN instead.",
                param="url",
            )
        if name and not name.lower().endswith(names.WEIGHTS):
            name += names.WEIGHTS
        if name and names.fit(name) != unicodedata.normalize("NFC", name):
            raise Invalid(f"{name[:80]!r} is no plain name of a file.", param="name")
        takes = names.weights(name) if name else ""
        seen = names.of_url(url)
        if not takes and "." in seen:
            takes = names.weights(seen)
        shown = takes or f"{target.host}{urlsplit(url).path}"[:200]
        return Wish({"url": url.partition("#")[0], "name": takes if name else ""}, shown, takes)

    def plan(self, asked: Mapping[str, Any], given_up: GivenUp) -> Plan:
        url, name = asked["url"], asked["name"]
        if name or names.of_url(url).lower().endswith(names.WEIGHTS):
            return Plan(name or names.weights(names.of_url(url)), (File("", url),))
        with web.opened(Wanted(url), given_up) as body:
            # Its body is not read: what counts is what the file is called.
            named = names.weights(body.name or names.of_url(url))
            return Plan(named, (File("", url, body.total),))

    def opened(self, wanted: Wanted, given_up: GivenUp) -> AbstractContextManager[Body]:
        return web.opened(wanted, given_up)
