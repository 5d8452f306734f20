"""A person with a browser of no particular make: follows links, fills in forms, keeps cookies."""

import re
from types import TracebackType
from typing import Self
from urllib.parse import unquote

import httpx2

from tests.identity_provider.running import SECRET
from tests.live import Live

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
NEXT = re.compile(r'name="next" value="([^"]*)"')
LONGEST_WAY = 20


class Surfer:
    """`page` is where the last request ended, after every redirect."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.client = httpx2.Client(follow_redirects=True, timeout=60, max_redirects=LONGEST_WAY)
        self.page: httpx2.Response

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()

    @property
    def path(self) -> str:
        return unquote(str(self.page.url).removeprefix(self.live.url))

    @property
    def ways(self) -> list[str]:
        """Every address the last request was led through."""
        return [str(step.url) for step in (*self.page.history, self.page)]

    def visit(self, path: str) -> str:
        address = path if path.startswith("http") else f"{self.live.url}{path}"
        self.page = self.client.get(address)
        return self.page.text

    def send(self, path: str = "", **fields: str) -> str:
        """Fill in the form of the present page, which goes to itself unless `path` says so."""
        found = TOKEN.search(self.page.text)
        assert found is not None, self.page.text
        form = {"csrfmiddlewaretoken": found.group(1), **fields}
        where = f"{self.live.url}{path}" if path else str(self.page.url)
        self.page = self.client.post(where, data=form, headers={"Referer": str(self.page.url)})
        return self.page.text

    def sign_in_there(self, name: str) -> str:
        """At the provider's own sign-in, where a way has led."""
        found = NEXT.search(self.page.text)
        assert found is not None, self.page.text
        onward = found.group(1).replace("&amp;", "&")
        return self.send(username=name, password=SECRET, next=onward)

    def sign_in_here(self, name: str, password: str) -> str:
        self.visit("/web/login")
        return self.send(username=name, password=password)
