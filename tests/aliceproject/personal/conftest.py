"""People with everything that a person can have."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone

from accounts import audit, invites, keys, lockout
from accounts.models import AuthenticatorApp, Invite, OpenIdentity, Quota, Registration, User
from accounts.sealing import seal
from gallery import albums, curating, retention
from generation.models import Job
from tests.gallery.conftest import Keep, images_dir, keep, signed
from tests.generation.conftest import browser
from tests.generation.jobs.conftest import Submit, Take, model, order, submit, take

__all__ = ["browser", "images_dir", "keep", "model", "order", "signed", "submit", "take"]

Furnish = Callable[[User], None]


@pytest.fixture
def furnish(keep: Keep, submit: Submit) -> Furnish:
    """furnish(user) -> one of everything that a user can own, and three pictures."""

    def give(user: User) -> None:
        pictures = [keep(user, prompt=f"{user.username}'s boat {n}") for n in range(3)]
        curating.set_tags(pictures[0], ["boat", "sea"])
        albums.add_to_album(albums.make_album(user, "boats"), pictures[:2])
        keys.mint(user, "laptop", ["read"])
        invite, _ = invites.make(audit.SYSTEM, note=f"{user.username}'s choir")
        Invite.objects.filter(pk=invite.pk).update(created_by=user)
        retention.set_days(user, 30)
        Client().force_login(user)
        Quota.objects.create(user=user, queued_jobs=100)
        Registration.objects.create(username=user.username, user=user, status="approved")
        OpenIdentity.objects.create(issuer="https://id.example", subject=user.username, user=user)
        AuthenticatorApp.objects.create(user=user, name="phone", sealed=seal("00" * 20))
        AccessAttempt.objects.create(username=lockout.mark(user.username), failures_since_start=1)
        job = submit(user)
        Job.objects.filter(pk=job.pk).update(status=Job.Status.SUCCEEDED)
        submit(user)
        audit.record(audit.Action.KEY_REVOKED, audit.Source(user), user)

    return give


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def long_ago(client: Client) -> Client:
    """The person in this browser proved who he is a day ago."""
    session: Any = client.session
    session["alice_proved_at"] = (timezone.now() - timedelta(days=1)).timestamp()
    session.save()
    return client


__all__ += ["Keep", "Submit", "Take"]
