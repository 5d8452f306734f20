"""Accounts: how one comes to be, stops and goes on, and what role it has."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, connection, transaction

from accounts import audit, invites, names, sessions
from accounts.audit import Action, Source
from accounts.models import LOCAL_USERNAME, User
from accounts.problems import Forbidden, Invalid, Missing, NotFound
from accounts.signals import deactivated

LONGEST_PASSWORD = 1000


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who is to have an account. `password` is hashed; email may be empty."""

    username: str
    email: str
    password: str


def check(username: str, email: str, password: str) -> None:
    """Whether an account may be called, reached and opened so, whoever exists already.

    Raises Missing or Invalid with `param` username, email or password.
    """
    check_name(username)
    if email:
        _valid("email", lambda: validate_email(email))
    if not password:
        raise Missing("A password is needed.", param="password")
    if len(password) > LONGEST_PASSWORD:
        raise Invalid(f"password: at most {LONGEST_PASSWORD} characters.", param="password")
    about = User(username=username, email=email)
    _valid("password", lambda: validate_password(password, about))


def check_name(username: str) -> None:
    """Raises Missing or Invalid for a user name that nobody may register."""
    if not username:
        raise Missing("A user name is needed.", param="username")
    field = User._meta.get_field("username")  # noqa: SLF001 Django's documented way to a field
    _valid("username", lambda: field.run_validators(User.normalize_username(username)))
    if names.reserved(username):
        raise Invalid(f"The name {username!r} is reserved.", param="username")


def create(newcomer: Newcomer, *, staff: bool = False) -> User:
    """The account, inside the caller's transaction, which also audits it.

    Raises Invalid `already_exists` where the name, or one that looks like it, is taken.
    """
    username = User.normalize_username(newcomer.username)
    _one_at_a_time()
    if User.objects.filter(name_key=names.key_of(username)).exists():
        raise _taken(username)
    user = User(username=username, email=newcomer.email, password=newcomer.password, is_staff=staff)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        # The site administration and commands of Django's own make users without asking us.
        raise _taken(username) from None
    return user


def deactivate(user: User, by: Source) -> None:
    """The account opens nothing from now on: no session, key, socket, invite or share of its pictures.

    Its open jobs are cancelled. Twice is once. Raises NotFound, Forbidden, or Invalid `own_account`
    or `last_staff`.
    """
    with transaction.atomic():
        member = _to_change(user, by)
        if not member.is_active:
            return
        _may_lose(member, by)
        User.objects.filter(pk=member.pk).update(is_active=False)
        sessions.end_others(member)
        invites.revoke_all(member, by)
        audit.record(Action.USER_DEACTIVATED, by, member)
        transaction.on_commit(partial(_tell, member))
    user.refresh_from_db(fields=["is_active"])


def reactivate(user: User, by: Source) -> None:
    """The account opens again what it did, but for its sessions and invites. Twice is once."""
    with transaction.atomic():
        member = _to_change(user, by)
        if member.is_active:
            return
        User.objects.filter(pk=member.pk).update(is_active=True)
        audit.record(Action.USER_REACTIVATED, by, member)
    user.refresh_from_db(fields=["is_active"])


def set_role(user: User, by: Source, *, staff: bool) -> None:
    """Make a user staff or plain; a plain one keeps no right of the site administration, and no
    invite, either.
    """
    with transaction.atomic():
        member = _to_change(user, by)
        if member.is_staff == staff:
            return
        if not staff:
            _may_lose(member, by)
        User.objects.filter(pk=member.pk).update(
            is_staff=staff, is_superuser=member.is_superuser and staff
        )
        if not staff:
            invites.revoke_all(member, by)
        audit.record(Action.USER_ROLE_CHANGED, by, member, staff=staff)
    user.refresh_from_db(fields=["is_staff", "is_superuser"])


def locked(user: User, by: Source) -> tuple[User, User | None]:
    """`user`, and who acts, as they are now. Staff rows stay locked until the transaction ends, so
    that two who take each other's rights away at once do not both succeed. Raises NotFound.
    """
    concerned = {user.pk, by.user.pk if by.user else user.pk}
    rows = User.objects.filter(pk__in=concerned) | User.objects.filter(is_staff=True)
    # Only against writers: rows that merely point to a user must not have to wait.
    found = {row.pk: row for row in rows.order_by("pk").select_for_update(no_key=True)}
    member = found.get(user.pk)
    if member is None or member.username == LOCAL_USERNAME:
        raise NotFound("There is no such user.")
    return member, found.get(by.user.pk) if by.user else None


def require_other_staff(member: User) -> None:
    """Raises Invalid `last_staff` where nobody else could undo what is taken from `member`."""
    others = User.objects.filter(is_staff=True, is_active=True).exclude(pk=member.pk)
    if member.is_staff and member.is_active and not others.exists():
        raise Invalid("This is the last active staff account.", code="last_staff")


def _to_change(user: User, by: Source) -> User:
    """`user` to be changed, as `locked`. Raises NotFound, Forbidden."""
    member, actor = locked(user, by)
    if by.user is not None:
        _may_touch(member, actor)
    return member


def _may_touch(member: User, actor: User | None) -> None:
    if actor is None or not (actor.is_active and actor.is_staff):
        raise Forbidden("Only staff may change accounts.")
    if member.is_superuser and not actor.is_superuser:
        raise Forbidden("A superuser is changed by superusers only.")


def _may_lose(member: User, by: Source) -> None:
    """Raises Invalid `own_account` or `last_staff`: somebody must be left to undo it."""
    if by.user is not None and by.user.pk == member.pk:
        raise Invalid("You cannot take this from your own account.", code="own_account")
    require_other_staff(member)


def _valid(param: str, validate: Callable[[], None]) -> None:
    try:
        validate()
    except ValidationError as refused:
        raise Invalid(" ".join(refused.messages), param=param) from None


def _tell(user: User) -> None:
    user.is_active = False
    deactivated.send_robust(sender=User, user=user)


def _one_at_a_time() -> None:
    """Nobody else makes an account until the transaction ends; SQLite's are always so."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('alice names', 0))")


def _taken(username: str) -> Invalid:
    return Invalid(
        f"The name {username!r}, or one that looks like it, is taken.",
        code="already_exists",
        param="username",
    )
