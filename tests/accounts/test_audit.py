"""What the audit log keeps of whom something was done to."""

import pytest
from django.test import Client

from accounts.models import AuditEntry, User

SECURITY = "/web/account"


@pytest.mark.parametrize(
    ("path", "form", "action"),
    [
        ("/web/logout", {}, "logout"),
        (f"{SECURITY}/sessions/end", {}, "sessions_ended"),
        (f"{SECURITY}/data/export", {}, "data_exported"),
        (
            f"{SECURITY}/password",
            {
                "old_password": "correct horse 1",
                "new_password1": "correct horse 9",
                "new_password2": "correct horse 9",
            },
            "password_changed",
        ),
    ],
)
def test_what_a_person_does_on_a_page_is_found_under_the_person(
    alice: User, path: str, form: dict[str, str], action: str
) -> None:
    """A request's user is wrapped, and was noted as being of the wrapper's kind."""
    client, elsewhere = Client(), Client()
    for browser in (client, elsewhere):
        browser.force_login(alice)
    client.post(path, form)
    entry = AuditEntry.objects.get(action=action)
    assert (entry.target_type, entry.target_id) == ("user", str(alice.pk))
