"""Staff in the administration: what the role lets them see and do there, and what not."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import Usage, User
from aliceproject.ops import overview
from aliceproject.staff_rights import RIGHTS


def test_every_right_is_one_that_django_knows(db: None) -> None:
    known = Permission.objects.select_related("content_type")
    assert {f"{p.content_type.app_label}.{p.codename}" for p in known} >= RIGHTS


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("", 200), ("gallery/image/", 200), ("generation/job/", 200), ("accounts/auditentry/", 200),
        ("accounts/registration/", 200), ("accounts/invite/", 200), ("accounts/usage/", 200),
        ("generation/workerstatus/", 200), ("accounts/user/", 403), ("accounts/apikey/", 403),
        ("accounts/quota/", 403), ("gallery/album/", 403), ("auth/group/", 403),
    ],
)  # fmt: skip
def test_staff_see_what_their_role_is_for(staff: User, path: str, status: int) -> None:
    client = Client()
    client.force_login(staff)
    page = client.get(f"/admin/{path}")
    assert page.status_code == status
    assert b"have permission to view" not in page.content


def test_no_figure_leads_staff_to_a_closed_door(staff: User) -> None:
    Usage.objects.create(user=staff, stored_images=1)
    client = Client()
    client.force_login(staff)
    links = {row.link for group in overview.figures() for row in group.rows if row.link}
    assert len(links) > 5
    assert {client.get(link).status_code for link in links} == {200}


def test_nobody_else_has_rights(alice: User, staff: User) -> None:
    staff.is_active = False
    for user in (alice, staff):
        assert user.get_all_permissions() == set()
        assert not user.has_module_perms("gallery")
