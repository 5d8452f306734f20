"""Who may do what: every route, every method and every identity, against the checked-in matrix."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.apps import apps
from django.conf import settings as django_settings
from django.db import connection
from django.http import HttpResponseBase
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from aliceproject.asgi import application
from aliceproject.errors import is_page
from generation.routing import websocket_urlpatterns
from tests.attacks.world import World, filled, undone

TABLE = yaml.safe_load(Path(__file__).with_name("matrix.yaml").read_text())
IDENTITIES: list[str] = TABLE["identities"].split()
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Those who may do most: what is not allowed to them does not exist.
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE)", re.IGNORECASE)
PROBES = ("owner", "root")
GATES = ("/web/login", "/admin/login/")


@dataclass(frozen=True)
class Row:
    """One method of one address, what is sent, and the answer to each identity."""

    path: str
    method: str
    expected: tuple[str, ...]
    json: Any = None
    form: Mapping[str, Any] | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def at(self, world: World) -> str:
        return self.path.format_map(world.names | dict(self.names))

    def answers(self, world: World) -> list[str]:
        return [self.answer(world, identity) for identity in IDENTITIES]

    def answer(self, world: World, identity: str) -> str:
        client, path = world.client(identity), self.at(world)
        with undone(world.images):
            if self.method == "GET":
                return told(client.get(path))
            if self.form is not None:
                return told(client.post(path, filled(self.form, world.names)))
            body = json.dumps(filled(self.json or {}, world.names))
            return told(client.generic(self.method, path, body, "application/json"))


def told(reply: HttpResponseBase) -> str:
    """The status, or `login` for the way to the sign-in page."""
    where = urlsplit(reply.headers.get("Location", "")).path
    return "login" if reply.status_code == 302 and where in GATES else str(reply.status_code)


@cache
def rows() -> list[Row]:
    """Every row of the table, those of the administration once for each of their models."""
    found = list(_rows(TABLE["rows"], {}))
    for model, kind in TABLE["models"].items():
        pages = {f"/admin/{model}/{page}": cells for page, cells in TABLE["kinds"][kind].items()}
        found += _rows(pages, {"model": model})
    return found


def _rows(table: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Row]:
    for path, methods in table.items():
        for method, given in methods.items():
            sent = given if isinstance(given, dict) else {"expect": given}
            more = {name: sent[name] for name in ("json", "form") if name in sent}
            yield Row(path, method, cells(sent["expect"]), names=names, **more)


def cells(told: str) -> tuple[str, ...]:
    """The answer to each identity: spelled out, or a group with 200 replaced by what follows."""
    name, _, success = told.partition(" ")
    group = TABLE["groups"].get(name)
    each = group.replace("200", success or "200").split() if group else told.split()
    assert len(each) == len(IDENTITIES), f"{told!r} is no group and has {len(each)} cells"
    return tuple(each)


def patterns(within: URLResolver, prefix: str = "") -> Iterator[str]:
    """Every route of the resolver, spelled as a match names it."""
    for entry in within.url_patterns:
        own = str(entry.pattern)
        route = prefix + (own.removeprefix("^") if prefix else own)
        if isinstance(entry, URLPattern):
            yield route
        else:
            yield from patterns(entry, route)


def models(world: World, row: Row) -> Row:
    """`{pk}` of an administration page is any object of its model."""
    if "model" not in row.names:
        return row
    label = row.names["model"].replace("/", ".")
    first = apps.get_model(label)._default_manager.first()
    assert first is not None, f"tests/attacks/world.py makes no {row.names['model']}"
    own = {"pk": world.names.get(row.names["model"], str(first.pk))}
    return Row(row.path, row.method, row.expected, row.json, row.form, own)


def test_every_route_has_a_row(world: World) -> None:
    known = {resolve(urlsplit(models(world, row).at(world)).path).route for row in rows()}
    missing = [route for route in patterns(get_resolver()) if route not in known]
    advice = "add a row to tests/attacks/matrix.yaml (its first lines say how) for"
    assert missing == [], f"{advice}: {missing}"


def test_no_page_shows_the_seeds_of_second_factors() -> None:
    assert [route for route in patterns(get_resolver()) if "otp_" in route] == []


def test_everybody_gets_what_the_matrix_says(world: World, figures: list[str]) -> None:
    wrong = []
    for row in (models(world, row) for row in rows()):
        answers = row.answers(world)
        if tuple(answers) != row.expected:
            wrong.append(
                f"{row.method} {row.at(world)}\n  expected {' '.join(row.expected)}"
                f"\n  answered {' '.join(answers)}"
            )
    cells_asked = len(rows()) * len(IDENTITIES)
    figures.append(f"authorization matrix: {len(rows())} rows, {cells_asked} cells")
    assert wrong == [], f"{len(wrong)} rows; columns: {' '.join(IDENTITIES)}\n" + "\n".join(wrong)


def test_what_has_no_row_is_no_method(world: World) -> None:
    """Django's own pages take any method for GET; then it must change as little as a GET."""
    named: dict[str, set[str]] = {}
    for row in (models(world, row) for row in rows()):
        named.setdefault(row.at(world), set()).add(row.method)
    answered = [
        f"{method} {path} as {identity}: {answer}"
        for path, methods in named.items()
        for method in METHODS
        if method not in methods
        for identity in PROBES
        # Who has no right at all is told that first; root is told about the method.
        if (answer := probed(world, path, method, identity)) not in {"405", "403"}
    ]
    assert answered == [], "rows are missing in tests/attacks/matrix.yaml for:\n" + "\n".join(
        answered
    )


def probed(world: World, path: str, method: str, identity: str) -> str:
    world.client(identity)
    # A log that overflows would be told as a warning, and hide what was written.
    connection.queries_log.clear()
    with CaptureQueriesContext(connection) as asked:
        answer = Row(path, method, ()).answer(world, identity)
    wrote = any(WRITES.match(query["sql"]) for query in asked)
    return "405" if is_page(path) and not wrote else answer


async def opened(world: World, path: str, identity: str) -> str:
    """`open`, the code an accepted socket was closed with, or `refused` for a handshake."""
    headers = {b"host": b"testserver"}
    if identity in world.secrets:
        headers[b"authorization"] = f"Bearer {world.secrets[identity]}".encode()
    else:
        headers[b"origin"] = b"http://testserver"
    if identity in world.cookies:
        cookie = f"{django_settings.SESSION_COOKIE_NAME}={world.cookies[identity]}"
        headers[b"cookie"] = cookie.encode()
    socket = WebsocketCommunicator(application, path, list(headers.items()))
    accepted, _ = await socket.connect(timeout=10)
    if not accepted:
        return "refused"
    first = await socket.receive_output(10)
    await socket.disconnect(timeout=10)
    return "open" if first["type"] == "websocket.send" else str(first["code"])


@pytest.mark.django_db(transaction=True)
async def test_every_websocket_opens_for_whom_the_matrix_says(world: World) -> None:
    table: dict[str, str] = TABLE["sockets"]
    for identity in world.people:
        await sync_to_async(world.client)(identity)
    wrong = {}
    for template, told in table.items():
        path = template.format_map(world.names)
        answers = tuple([await opened(world, path, identity) for identity in IDENTITIES])
        if answers != cells(told):
            wrong[path] = answers
    assert wrong == {}, f"columns: {' '.join(IDENTITIES)}"
    known = [
        [p for p in websocket_urlpatterns if p.pattern.match(t.format_map(world.names)[1:])]
        for t in table
    ]
    assert {str(p.pattern) for found in known for p in found} == {
        str(p.pattern) for p in websocket_urlpatterns
    }
