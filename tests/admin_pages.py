"""The administration seen as its strict content security policy sees it."""

from html.parser import HTMLParser

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User


def administrator() -> Client:
    """A browser in which a superuser is signed in."""
    root, _ = get_user_model().objects.get_or_create(
        username="root", is_staff=True, is_superuser=True
    )
    client = Client()
    client.force_login(root)
    return client


def allowed(*permissions: str) -> tuple[Client, User]:
    """A browser of a staff member who is no superuser and holds only these permissions."""
    clerk = User.objects.create(username="clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(clerk)
    return client, clerk


def queries_of(client: Client, path: str) -> int:
    """How many queries the page takes, which must be shown."""
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    return len(asked)


class _Inline(HTMLParser):
    """What a policy without 'unsafe-inline' would block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        runs = tag == "script" and "src" not in given and given.get("type") != "application/json"
        if tag == "style" or runs:
            self.found.append(f"<{tag}>")
        self.found += [n for n in given if n == "style" or n.startswith("on")]
        self.found += [v for v in given.values() if v and v.strip().startswith("javascript:")]
        outside = given.get("src") or (given.get("href") if tag == "link" else None) or ""
        if "//" in outside:
            self.found.append(outside)


def assert_fits_policy(client: Client, path: str) -> None:
    reply = client.get(path)
    if reply.status_code != 200:
        pytest.fail(f"{path}: {reply.status_code}")
    assert "script-src 'self'" in reply["Content-Security-Policy"]
    assert "unsafe" not in reply["Content-Security-Policy"]
    parser = _Inline()
    parser.feed(reply.content.decode())
    assert parser.found == []
