"""A time of day without its zone is a riddle: whoever reads it may live in another."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from accounts import audit, invites
from accounts.models import Invite
from tests.admin_pages import administrator

ROOT = Path(__file__).parents[2]
# A time of day written by a template, and what follows it at once.
CLOCK = re.compile(r"""\|date:(["'])[^"']*H:i[^"']*\1 *\}\}(?P<after>.{0,4})""")
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
LIST = "/admin/accounts/invite/"


@pytest.fixture
def invite(db: None) -> Invite:
    row, _ = invites.make(audit.SYSTEM, expires_at=datetime(2099, 11, 28, 19, 54, tzinfo=UTC))
    return row


def test_every_time_of_day_in_a_template_names_its_zone() -> None:
    texts = {path: path.read_text() for path in TEMPLATES}
    clocks = [(path, clock) for path, text in texts.items() for clock in CLOCK.finditer(text)]
    bare = [(path.name, clock[0]) for path, clock in clocks if clock["after"] != " UTC"]
    assert bare == []
    assert len(clocks) > 10


@pytest.mark.parametrize("path", ["/web/administration/invites", LIST])
def test_the_end_of_an_invite_is_told_with_its_zone(invite: Invite, path: str) -> None:
    assert "28 Nov 2099, 19:54 UTC" in administrator().get(path).content.decode()
