"""Nothing but modelhub.fetcher opens connections to the world; exceptions are named with reasons."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APPS = ("accounts", "aliceproject", "gallery", "generation", "modelhub")
# Everything that can send bytes to another host by itself, by its dotted name or a parent of it.
CONNECTS = frozenset(
    {
        "aiohttp", "asyncio.open_connection", "boto3", "botocore", "ftplib", "http.client", "httpcore",
        "httpx", "httpx2", "huggingface_hub", "imaplib", "nntplib", "poplib", "pycurl", "requests",
        "smtplib", "socket.create_connection", "socket.socket", "telnetlib", "urllib.request",
        "urllib3", "websocket", "websockets", "xmlrpc.client", "django.core.mail",
        "mozilla_django_oidc",
    }
)  # fmt: skip
ALLOWED = {
    "modelhub/fetcher.py": "the one way out",
    "gallery/bucket.py": "the operator's own object store, by its address in the settings",
    "modelhub/sources/s3.py": "the operator's own object store, by its address in the settings",
    "aliceproject/events.py": "datagrams between the processes of this host, over unix sockets",
    "aliceproject/first_light.py": "asks this very server whether it answers",
    "aliceproject/preflight.py": "tries whether the port to serve on is free",
    "aliceproject/systemd.py": "tells the service manager, over a unix socket",
    "accounts/openid/provider.py": "the operator's own identity provider, by its address in the settings",
    "accounts/openid/tokens.py": "the library's exchange of a code; it asks through provider.py",
    "accounts/openid/journey.py": "the library's redirect to the provider; it asks nobody itself",
}


def modules() -> list[Path]:
    return [
        file
        for app in APPS
        for file in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in file.parts
    ]


def used(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that is imported or reached by attribute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def connects(source: str) -> set[str]:
    names = set(used(ast.parse(source)))
    return {c for c in CONNECTS for name in names if name == c or name.startswith(f"{c}.")}


@pytest.mark.parametrize("module", modules(), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_module_leaves_the_house_by_the_fetcher_alone(module: Path) -> None:
    found = connects(module.read_text())
    assert not found or str(module.relative_to(ROOT)) in ALLOWED, found


def test_no_exception_is_left_over() -> None:
    idle = [
        name
        for name in ALLOWED
        if (ROOT / name).exists() and not connects((ROOT / name).read_text())
    ]
    assert idle == []


@pytest.mark.parametrize(
    "source",
    [
        "import requests",
        "from urllib.request import urlopen",
        "import urllib.request as u",
        "from urllib import request",
        "import socket\nsocket.create_connection(('h', 1))",
        "from socket import create_connection",
        "import http.client",
        "from http import client",
    ],
)
def test_the_search_finds_what_it_should(source: str) -> None:
    assert connects(source)
