"""The pages of quotas: staff set them, everybody sees what is used of them."""

from typing import Any

import pytest
from django.test import Client

from accounts import quotas
from accounts.models import AuditEntry, Quota, Usage, User
from accounts.quotas import Limits

pytestmark = pytest.mark.django_db
QUOTAS, USAGE = "/web/administration/quotas", "/web/account/usage"


@pytest.fixture
def carol(staff: User) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def text(page: Any) -> str:
    return str(page.content.decode())


@pytest.mark.parametrize("path", ["", "/user", "/user/remove"])
def test_staff_alone_set_them(path: str, alice: User, client: Client) -> None:
    client.force_login(alice)
    assert client.post(f"{QUOTAS}{path}").status_code in {403, 405}
    assert client.get(f"{QUOTAS}{path}").status_code in {403, 405}


def test_a_role_is_set_in_a_form(carol: Client, alice: User) -> None:
    form = {"queued_jobs": "4", "megapixel_steps_per_day": "250.5", "stored_gigabytes": "1.5"}
    assert carol.post(f"{QUOTAS}/user", form).status_code == 302
    assert quotas.limits_of(alice) == Limits(
        queued_jobs=4, megapixel_steps_per_day=250.5, stored_bytes=1_500_000_000
    )
    assert "250.5" in text(carol.get(QUOTAS))
    assert AuditEntry.objects.filter(action="quota_changed").exists()


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_set(carol: Client) -> None:
    reply = carol.post(f"{QUOTAS}/user", {"queued_jobs": "-4", "running_jobs": "2"})
    assert reply.status_code == 400
    assert 'id="queued_jobs-wrong"' in text(reply)
    assert not Quota.objects.exists()


def test_a_persons_form_begins_with_what_holds(carol: Client, alice: User) -> None:
    Quota.objects.create(role="user", queued_jobs=17, stored_bytes=2 * 10**9)
    found = carol.get(QUOTAS, {"name": "alice"})
    assert found.headers["Location"] == f"{QUOTAS}/{alice.pk}"
    form = text(carol.get(found.headers["Location"]))
    assert 'value="17"' in form
    assert 'value="2"' in form


def test_own_limits_can_be_removed(carol: Client, alice: User) -> None:
    Quota.objects.create(user=alice, queued_jobs=17)
    assert carol.post(f"{QUOTAS}/{alice.pk}/remove").status_code == 302
    assert not Quota.objects.exists()


@pytest.mark.parametrize("whose", ["nobody", "999999", "99999999999999999999"])
def test_nobody_has_no_form(carol: Client, whose: str) -> None:
    assert carol.get(f"{QUOTAS}/{whose}").status_code == 404


def test_an_unknown_name_is_said(carol: Client) -> None:
    reply = carol.get(QUOTAS, {"name": "<b>nobody"})
    assert reply.status_code == 404
    assert "There is no user of this name." in text(reply)


def test_everybody_sees_what_is_used_and_left(alice: User, client: Client) -> None:
    Quota.objects.create(user=alice, queued_jobs=5, stored_bytes=2 * 10**9)
    Usage.objects.create(user=alice, queued_jobs=2, stored_bytes=1_500_000_000)
    client.force_login(alice)
    page = text(client.get(USAGE))
    assert "<strong>2</strong> of 5" in page
    assert "<strong>1.5 GB</strong> of 2 GB" in page
    assert "500 MB left" in page


def test_usage_is_for_who_is_signed_in(client: Client) -> None:
    assert client.get(USAGE).status_code == 302
