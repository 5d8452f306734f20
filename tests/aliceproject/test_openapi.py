"""The description covers the API, and its readers need nothing from elsewhere."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import keys
from accounts.models import User
from aliceproject.openapi import views
from aliceproject.openapi.operations import OPERATIONS

# Paths for people, and the readers of the description themselves.
NOT_DESCRIBED = re.compile(r"^(web|admin|docs|redoc|openapi|$)")
ALIASES = {"/models": "/v1/models", "/chat/completions": "/v1/chat/completions"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(views.description())
    return found


def routes(patterns: list[Any], prefix: str = "") -> list[str]:
    """Every path of the URL map with its parameters in braces."""
    found = []
    for pattern in patterns:
        regex = prefix + str(pattern.pattern).lstrip("^")
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns, regex)
        elif isinstance(pattern, URLPattern) and not NOT_DESCRIBED.match(regex):
            found.append(readable(regex))
    return found


def readable(regex: str) -> str:
    regex = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"{\1}", regex)
    regex = regex.replace("(?:v1/)?", "v1/").replace("(?:api/)?", "").replace("\\.", ".")
    return "/" + regex.removesuffix("$").removesuffix("/?").removesuffix("/")


def test_every_route_of_the_api_is_described(document: dict[str, Any]) -> None:
    missing = set(routes(get_resolver().url_patterns)) - set(document["paths"])
    assert missing == set()


def test_every_row_is_a_route(document: dict[str, Any]) -> None:
    assert {path for _, path in OPERATIONS} - set(routes(get_resolver().url_patterns)) == set()


def test_every_operation_has_a_summary_and_its_error_shape(document: dict[str, Any]) -> None:
    operations = [op for methods in document["paths"].values() for op in methods.values()]
    assert all(operation["summary"] for operation in operations)
    assert all("default" in operation["responses"] for operation in operations)


def test_a_request_is_described_by_its_serializer(document: dict[str, Any]) -> None:
    post = document["paths"]["/v1/images/generations"]["post"]
    reference = post["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
    assert "prompt" in schema["required"]
    assert schema["properties"]["size"]["type"] == "string"


def test_both_ways_to_send_a_key_are_described(document: dict[str, Any]) -> None:
    assert set(document["components"]["securitySchemes"]) == {"Bearer", "X-Api-Key"}


def test_the_description_needs_a_key(client: Client, db: None) -> None:
    assert client.get("/openapi.json").status_code == 401


def test_any_key_may_read_the_description(client: Client, alice: User) -> None:
    secret = keys.mint(alice, "k", ["generate"])[1]
    response = client.get("/openapi.json", headers={"x-api-key": secret})
    assert response.json()["info"]["title"] == "ALICE"


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/redoc"])
def test_a_reader_sends_strangers_to_the_login(client: Client, db: None, path: str) -> None:
    assert client.get(path)["Location"].startswith("/web/login?next=")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_a_reader_loads_only_our_files(client: Client, alice: User, path: str) -> None:
    client.force_login(alice)
    response = client.get(path)
    assert not re.search(r'(src|href)="(?!/)', response.content.decode())
    assert "worker-src blob:" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]


def test_the_version_is_one() -> None:
    from aliceproject import __version__

    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert f'\nversion = "{__version__}"\n' in project
