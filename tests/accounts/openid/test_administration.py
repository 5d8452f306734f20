"""Identities in the administration: seen, unlinked, never made or changed."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry, OpenIdentity, Registration, User
from tests.accounts.openid.forger import Forger
from tests.admin_pages import administrator, assert_fits_policy

LIST = "/admin/accounts/openidentity/"
REQUESTS = "/admin/accounts/registration/"


@pytest.fixture
def admin(db: None) -> Client:
    return administrator()


@pytest.fixture
def identity(forger: Forger) -> OpenIdentity:
    """Dora's only way in."""
    user = User.objects.create_user("dora")
    made: OpenIdentity = OpenIdentity.objects.create(
        issuer=forger.issuer, subject="248289761001", label="dora", user=user
    )
    return made


def test_pages_fit_the_policy(admin: Client, identity: OpenIdentity) -> None:
    assert_fits_policy(admin, LIST)
    assert_fits_policy(admin, f"{LIST}{identity.pk}/change/")


def test_nobody_makes_or_changes_one(admin: Client, identity: OpenIdentity) -> None:
    assert admin.get(f"{LIST}add/").status_code == 403
    form = {"subject": "another"}
    assert admin.post(f"{LIST}{identity.pk}/change/", form).status_code == 403


def test_deleting_unlinks_and_warns_of_a_last_way_in(admin: Client, identity: OpenIdentity) -> None:
    page: Any = admin.post(f"{LIST}{identity.pk}/delete/", {"post": "yes"}, follow=True)
    assert b"No way in is left for dora" in page.content
    assert OpenIdentity.objects.count() == 0
    entry = AuditEntry.objects.get(action="openid_unlinked")
    assert (entry.actor_name, entry.target_id) == ("root", str(identity.user_id))


def test_many_are_unlinked_at_once(admin: Client, identity: OpenIdentity, alice: User) -> None:
    OpenIdentity.objects.create(issuer=identity.issuer, subject="a", user=alice)
    chosen = list(OpenIdentity.objects.values_list("pk", flat=True))
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    page: Any = admin.post(LIST, form, follow=True)
    assert AuditEntry.objects.filter(action="openid_unlinked").count() == 2
    assert b"left for alice" not in page.content


def test_staff_see_who_of_the_provider_asks(admin: Client, forger: Forger) -> None:
    row = Registration.objects.create(username="dora")
    OpenIdentity.objects.create(issuer=forger.issuer, subject="s", label="D. D.", registration=row)
    page = admin.get("/web/administration/requests").content.decode()
    assert f"as D. D. of {forger.issuer}" in page


def test_a_request_that_became_an_account_keeps_its_identity(
    admin: Client, identity: OpenIdentity
) -> None:
    """With the request the identity would go, and with it the only way in."""
    approved = Registration.objects.create(
        username="dora", status=Registration.Status.APPROVED, user=identity.user
    )
    OpenIdentity.objects.update(registration=approved)
    form = {"action": "delete_selected", "_selected_action": [str(approved.pk)], "post": "yes"}
    admin.post(REQUESTS, form)
    assert admin.post(f"{REQUESTS}{approved.pk}/delete/", {"post": "yes"}).status_code == 403
    assert OpenIdentity.objects.get().user == identity.user


def test_a_rejected_request_goes_and_its_identity_with_it(admin: Client, forger: Forger) -> None:
    rejected = Registration.objects.create(username="x", status=Registration.Status.REJECTED)
    OpenIdentity.objects.create(issuer=forger.issuer, subject="s", registration=rejected)
    admin.post(f"{REQUESTS}{rejected.pk}/delete/", {"post": "yes"})
    assert not OpenIdentity.objects.exists()
