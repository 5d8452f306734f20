"""A live server with everything in it, and a look at what it keeps that no attack may change."""

import hashlib
import http.client
import json
import secrets
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.attacks.world import PASSWORD
from tests.live import Live

# What any request may leave behind: who knocked how often, and who did what.
TRACES = ("django_session", "accounts_ratewindow", "accounts_auditentry", "axes_", "sqlite_")
NOTED = {"last_login", "last_used_at", "last_seen", "last_seen_at"}
# Any 32 characters do: a request proves by it that its sender can read the cookie.
TOKEN = "a" * 32
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


@dataclass
class Stage:
    """`counts`: requests sent, and answers by the hundred of their status."""

    live: Live
    names: Mapping[str, str]
    secrets: Mapping[str, str]
    cookies: Mapping[str, str]
    canary: str
    counts: Counter[str] = field(default_factory=Counter)

    def source(self, number: int) -> str:
        """An address of this machine that only this row calls from: limits count by address."""
        return f"127.{1 + number // 200}.{1 + number % 200}.1"

    def credentials(self, identity: str, *, csrf: bool = True) -> dict[str, str]:
        if identity in self.secrets:
            return {"Authorization": f"Bearer {self.secrets[identity]}"}
        cookies = {"alice-session": self.cookies[identity]} if identity in self.cookies else {}
        held = cookies | ({"alice-csrf": TOKEN} if csrf else {})
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in held.items())} if held else {}
        return headers | ({"X-CSRFToken": TOKEN} if csrf else {})

    def ask(
        self,
        line: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        source: str = "127.0.0.1",
    ) -> Answer:
        """One request as it is written, dots and all; `line` is a method and a path."""
        method, _, path = line.partition(" ")
        wire = http.client.HTTPConnection(
            "127.0.0.1", self.live.port, timeout=30, source_address=(source, 0)
        )
        with closing(wire):
            wire.putrequest(method, quote(path, safe=PRINTABLE), skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                wire.putheader(name, value)
            if body or method not in SAFE:
                wire.putheader("Content-Length", str(len(body)))
            wire.endheaders(body or None)
            reply = wire.getresponse()
            answer = Answer(
                reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
            )
        self.counts["requests"] += 1
        self.counts[f"{answer.status // 100}xx"] += 1
        return answer

    def kept(self) -> dict[str, str]:
        """A fingerprint of each table and of every file in the folders of pictures and models."""
        folder = self.live.data_dir
        with closing(sqlite3.connect(f"file:{_database(folder)}?mode=ro", uri=True)) as database:
            tables = [row[0] for row in database.execute(TABLES)]
            prints = {
                name: _print(database, name) for name in tables if not name.startswith(TRACES)
            }
        files = [p for part in ("images", "models") for p in sorted((folder / part).rglob("*"))]
        listed = [(str(p), p.stat().st_size) for p in files if p.is_file()]
        return prints | {"files": hashlib.sha256(repr(listed).encode()).hexdigest()}


TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
PRINTABLE = "".join(chr(n) for n in range(0x21, 0x7F))


def _database(folder: Path) -> Path:
    return folder / "alice.sqlite3"


def _print(database: sqlite3.Connection, table: str) -> str:
    found = database.execute(f'SELECT * FROM "{table}"')
    kept = [i for i, column in enumerate(found.description) if column[0] not in NOTED]
    rows = sorted(repr([row[i] for i in kept]) for row in found)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def open_stage(live: Live) -> Stage:
    # A model by its name alone, for whoever would put another in its place.
    (live.data_dir / "models" / "Lake").mkdir(parents=True, exist_ok=True)
    told = live.manage("shell", "-v0", "-c", "from tests.attacks.world import tell; tell()")
    names, keys, cookies = json.loads(told.splitlines()[-1])
    canary = f"canary-{secrets.token_hex(8)}"
    (live.data_dir / "canary.txt").write_text(canary)
    # A file next to the server's own, which every traversal aims at.
    names |= {"data": str(live.data_dir), "canary": str(live.data_dir / "canary.txt")}
    names |= {"long": "x" * 5000, "megabyte": "x" * 2**20, "password": PASSWORD}
    names |= {"deep": "[" * 100_000 + "]" * 100_000, "nested": "[" * 400 + "]" * 400}
    names |= {"swollen": "[" + "[]," * 1_000_000 + "[]]", "slow": "T" * 15_000}
    names |= {f"secret_{identity}": secret for identity, secret in keys.items()}
    return Stage(live, names, keys, cookies, canary)


def named(part: Any, names: Mapping[str, str]) -> Any:
    """{name} of an object in every string of `part`; braces around anything else stay."""
    if isinstance(part, Mapping):
        return {named(key, names): named(inner, names) for key, inner in part.items()}
    if isinstance(part, list):
        return [named(inner, names) for inner in part]
    if isinstance(part, str):
        for name, value in names.items():
            part = part.replace("{" + name + "}", value)
    return part


def is_page(line: str) -> bool:
    path = urlsplit(line.partition(" ")[2]).path
    return path.startswith(("/web", "/admin"))
