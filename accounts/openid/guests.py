"""Somebody the provider vouched for, who has yet to say what is to become of it."""

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts import audit, members, registration
from accounts.audit import Action, Source
from accounts.members import Newcomer
from accounts.models import OpenIdentity, Registration
from accounts.openid import identities
from accounts.openid.journey import Errand
from accounts.openid.tokens import Claims
from accounts.registration import Application

GUEST = "alice_openid_guest"
GUEST_SECONDS = 10 * 60


@dataclass(frozen=True, slots=True)
class Guest:
    claims: Claims
    errand: Errand

    @property
    def name(self) -> str:
        """What the provider calls him."""
        return self.claims.label or self.claims.subject


def remember(request: HttpRequest, guest: Guest) -> None:
    """Keep a guest in the session until he has decided."""
    # Whoever knew the session before must not know the one that carries this.
    request.session.cycle_key()
    kept = {"issuer": settings.ALICE_OIDC_ISSUER, "at": time.time()}
    request.session[GUEST] = asdict(guest) | kept


def remembered(request: HttpRequest, purpose: str) -> Guest | None:
    """Who came back lately with this purpose, as whoever he is signed in now."""
    kept: dict[str, Any] = request.session.get(GUEST) or {}
    if not 0 <= time.time() - kept.get("at", 0) <= GUEST_SECONDS:
        return None
    guest = Guest(Claims(**kept["claims"]), Errand(**kept["errand"]))
    here = kept["issuer"] == settings.ALICE_OIDC_ISSUER and guest.errand.purpose == purpose
    return guest if here and guest.errand.user in {None, request.user.pk} else None


def forget(request: HttpRequest) -> None:
    request.session.pop(GUEST, None)


def register(claims: Claims, wanted: Application, by: Source) -> Registration:
    """An account, or a request for one, that only this identity opens; the password is left out.

    Raises as registration.register does, and Invalid `identity_taken`.
    """
    registration.knock(wanted, by)
    members.check_name(wanted.username)
    newcomer = Newcomer(wanted.username, claims.email, make_password(None))
    try:
        with transaction.atomic():
            row = registration.answer(newcomer, wanted, by)
            _bind(claims, row, by)
    except IntegrityError:
        # The same person in two windows: the other one was first.
        raise identities.taken() from None
    return row


def _bind(claims: Claims, row: Registration, by: Source) -> None:
    issuer = settings.ALICE_OIDC_ISSUER
    OpenIdentity.objects.create(
        issuer=issuer, subject=claims.subject, label=claims.label, user=row.user, registration=row
    )
    who = replace(by, user=row.user)
    told = {"issuer": issuer, "subject": claims.subject}
    audit.record(Action.OPENID_LINKED, who, row.user or row, **told)
