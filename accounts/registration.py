"""How a stranger gets an account: at once, by an invite, or when somebody of the staff agrees."""

from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from accounts import audit, invites, members, throttle
from accounts.audit import Action, Source
from accounts.members import Newcomer
from accounts.models import OpenIdentity, Registration, User
from accounts.problems import Busy, Forbidden, Invalid, Missing, NotFound

CLOSED, INVITE, APPROVAL, OPEN = "closed", "invite", "approval", "open"
Status = Registration.Status

# Tries a minute from one address: hashing a password is slow on purpose.
TRIES = 10
# Looks a minute from one address at what became of a request.
LOOKS = 60
# Waiting at most: strangers must not be able to fill the database.
MOST_WAITING = 1000
LONGEST_WORDS = 1000


@dataclass(frozen=True, slots=True)
class Application:
    """What a stranger fills in. The password is in the clear."""

    username: str
    password: str
    email: str = ""
    message: str = ""
    invite_code: str = ""


def register(wanted: Application, by: Source) -> Registration:
    """Let in whoever may come in, and note down who must wait.

    The registration is `approved` and has its user where the mode or an invite allows it, else
    `pending`: then it looks the same whether the name is free or not. Nobody becomes staff here.
    Raises Forbidden `registration_closed`, Missing, Invalid (`already_exists`, `invalid_invite`
    or a bad value), RateLimited or Busy `registrations_full`.
    """
    knock(wanted, by)
    members.check(wanted.username, wanted.email, wanted.password)
    # Before any transaction: it takes a good part of a second.
    newcomer = Newcomer(wanted.username, wanted.email, make_password(wanted.password))
    return answer(newcomer, wanted, by)


def knock(wanted: Application, by: Source) -> None:
    """Whether anybody may ask like this. Raises Forbidden, Missing or RateLimited."""
    require_open()
    throttle.hit(f"register {throttle.neighbourhood(by.address)}", TRIES)
    if settings.ALICE_REGISTRATION == INVITE and not wanted.invite_code:
        raise Missing("An invite is needed to register here.", param="inviteCode")


def check_words(message: str, invite_code: str) -> None:
    """Raises Invalid for what a form may not send besides who somebody wants to be."""
    for name, value, longest in (
        ("message", message, LONGEST_WORDS),
        ("inviteCode", invite_code, invites.LONGEST_CODE),
    ):
        if len(value) > longest or "\0" in value:
            raise Invalid(f"At most {longest} characters.", param=name)


def answer(newcomer: Newcomer, wanted: Application, by: Source) -> Registration:
    """An account where the mode or an invite allows it, else a place among those who wait."""
    if settings.ALICE_REGISTRATION == OPEN or wanted.invite_code:
        return _admit(newcomer, wanted, by)
    return wait(newcomer, by, wanted.message)


def require_open() -> None:
    """Raises Forbidden `registration_closed`, whatever anybody would send."""
    if settings.ALICE_REGISTRATION == CLOSED:
        raise Forbidden("Registration is closed on this server.", code="registration_closed")


def wait(newcomer: Newcomer, by: Source, message: str = "") -> Registration:
    """Note down somebody who waits for approval; says nothing about who exists. Raises Busy."""
    if Registration.objects.filter(status=Status.PENDING).count() >= MOST_WAITING:
        raise Busy(
            "Too many requests wait for a decision already; try again later.",
            code="registrations_full",
            retry_after=60,
        )
    with transaction.atomic():
        asked = Registration.objects.create(
            username=User.normalize_username(newcomer.username),
            email=newcomer.email,
            password=newcomer.password,
            message=message,
        )
        audit.record(Action.REGISTERED, by, asked, username=asked.username, status=asked.status)
    return asked


def find(registration_id: UUID, by: Source) -> Registration:
    """What became of a request; its id is known to the one who made it only. Raises NotFound."""
    throttle.hit(f"registration {throttle.neighbourhood(by.address)}", LOOKS)
    found = Registration.objects.filter(pk=registration_id).first()
    if found is None:
        raise NotFound("There is no such registration.")
    return found


def approve(registration: Registration, by: Source) -> User:
    """Make the account that was asked for. Of several who decide at once one wins.

    Raises Invalid: `already_decided`, or `already_exists` where the name was taken meanwhile;
    then the request goes on waiting.
    """
    with transaction.atomic():
        row = _decide(registration, Status.APPROVED, "", by)
        user = members.create(Newcomer(row.username, row.email, row.password))
        Registration.objects.filter(pk=row.pk).update(user=user, password="")
        # Who came by a provider has no password: this is the account's only way in.
        OpenIdentity.objects.filter(registration=row).update(user=user)
        audit.record(Action.REGISTRATION_APPROVED, by, user, registration=str(row.pk))
    registration.refresh_from_db()
    return user


def reject(registration: Registration, reason: str, by: Source) -> None:
    """Refuse the account that was asked for, with words for the one who asked. Raises Invalid."""
    if len(reason) > LONGEST_WORDS or "\0" in reason:
        raise Invalid(f"reason: at most {LONGEST_WORDS} characters.", param="reason")
    with transaction.atomic():
        row = _decide(registration, Status.REJECTED, reason.strip(), by)
        Registration.objects.filter(pk=row.pk).update(password="")
        audit.record(Action.REGISTRATION_REJECTED, by, row, username=row.username)
    registration.refresh_from_db()


def _admit(newcomer: Newcomer, wanted: Application, by: Source) -> Registration:
    with transaction.atomic():
        invite = invites.consume(wanted.invite_code) if wanted.invite_code else None
        user = members.create(newcomer)
        admitted = Registration.objects.create(
            username=user.username,
            email=user.email,
            message=wanted.message,
            status=Status.APPROVED,
            invite=invite,
            user=user,
            decided_at=timezone.now(),
        )
        used = {"invite": invite.pk} if invite else {}
        audit.record(Action.REGISTERED, replace(by, user=user), user, status="approved", **used)
    return admitted


def _decide(registration: Registration, status: Status, reason: str, by: Source) -> Registration:
    row = Registration.objects.filter(pk=registration.pk)
    decided = row.filter(status=Status.PENDING).update(
        status=status, reason=reason, decided_by=by.user, decided_at=timezone.now()
    )
    found = row.first()
    if found is None:
        raise NotFound("There is no such registration.")
    if not decided:
        raise Invalid(f"This request was {found.status} already.", code="already_decided")
    return found
