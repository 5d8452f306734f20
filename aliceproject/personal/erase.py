"""Erasing a person: at once for the world, then piece by piece until nothing is left.

A row of Erasure says what is to be done. Every step can be cut and done again; the user's own
row, and with it the Erasure, goes last.
"""

import logging
import time
from collections.abc import Iterator
from functools import partial
from uuid import UUID

from axes.models import AccessAttempt
from django.contrib.auth.hashers import make_password
from django.db import Error, IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit, doorbell, invites, lockout, members, sessions
from accounts.models import Registration, User
from accounts.problems import Forbidden
from accounts.signals import deactivated
from aliceproject.models import Erasure
from gallery import storage
from gallery.models import Image
from generation import progress
from generation.jobs import fence
from generation.models import OPEN, FairShare, Job

logger = logging.getLogger(__name__)
TASK = "aliceproject.chores.erase"
CLUSTER = "io"
# More pictures than this are deleted in the background.
AT_ONCE = 50
JOBS_AT_ONCE = 500


def start(user: User, by: audit.Source) -> None:
    """The account opens nothing from now on and is erased, pictures, files and all.

    People erase themselves; staff erase anybody, a superuser only superusers. What is large goes on
    in the background. Twice is once. Raises Forbidden, NotFound (`local`, or nobody), or Invalid
    `last_staff`.
    """
    with transaction.atomic():
        member = _leaving(user, by)
        if not Erasure.objects.get_or_create(user=member)[1]:
            return
        # Nobody reactivates by chance what is going: its password opens nothing either.
        User.objects.filter(pk=member.pk).update(is_active=False, password=make_password(None))
        member.api_keys.filter(revoked_at=None).update(revoked_at=timezone.now())
        sessions.end_others(member)
        invites.revoke_all(member, by)
        audit.record(audit.Action.USER_ERASED, by, member, username=member.username)
        transaction.on_commit(partial(_begin, member))


def finish(user_id: int, seconds: float = float("inf")) -> bool:
    """Go on with an erasure for about `seconds`; whether nothing is left.

    False also where the store gave up no files: a later call goes on.
    """
    until = time.monotonic() + seconds
    # Whatever was undone meanwhile: who is being erased opens nothing.
    User.objects.filter(pk=user_id).update(is_active=False)
    end_jobs(user_id)
    for batch in _batches(Image.objects.filter(owner=user_id), storage.BATCH):
        if time.monotonic() >= until:
            return False
        storage.hide_all(Image.objects.filter(pk__in=batch))
        storage.remove(list(Image.objects.filter(pk__in=batch)))
    if Image.objects.filter(owner=user_id).exists():
        return False
    for batch in _batches(Job.objects.filter(owner=user_id), JOBS_AT_ONCE):
        if time.monotonic() >= until:
            return False
        Job.objects.filter(pk__in=batch).delete()
    return _rest(user_id)


def finish_all(seconds: float = float("inf")) -> int:
    """Go on with every erasure that was asked for; how many are still not done."""
    until, left = time.monotonic() + seconds, 0
    for user_id in Erasure.objects.order_by("asked_at").values_list("user_id", flat=True):
        try:
            left += not finish(user_id, until - time.monotonic())
        except Exception:
            # One that cannot be finished must not keep the others from it.
            logger.exception("The erasure of user %d stopped; it is tried again", user_id)
            left += 1
    return left


def end_jobs(user_id: int) -> None:
    """End the user's jobs now: a worker that still draws finds that nobody waits for it."""
    mine = Job.objects.filter(owner=user_id, status__in=OPEN)
    for job_id in list(mine.values_list("pk", flat=True)):
        one = Job.objects.filter(pk=job_id, status__in=OPEN)
        one.update(cancel_requested=True)
        if fence.end(one, Job.Status.CANCELLED):
            progress.ask_cancel(job_id)
            progress.nudge(job_id)


def ring() -> None:
    """Have the io cluster go on; without it the hourly chore does."""
    doorbell.ring(CLUSTER, TASK)


def _begin(member: User) -> None:
    """After the commit: sockets close and jobs end, and what is small is gone when this returns."""
    member.is_active = False
    deactivated.send_robust(sender=User, user=member)
    try:
        few = not Image.objects.filter(owner=member.pk)[AT_ONCE:].exists()
        done = few and finish(member.pk)
    except Error:
        logger.exception("The erasure of user %d goes on in the background", member.pk)
        done = False
    if not done:
        ring()


def _leaving(user: User, by: audit.Source) -> User:
    """The user who is to be erased, as members.locked. Raises Forbidden, NotFound or Invalid."""
    member, actor = members.locked(user, by)
    if by.user is not None and by.user.pk != member.pk:
        _may_erase(member, actor)
    members.require_other_staff(member)
    return member


def _may_erase(member: User, actor: User | None) -> None:
    if actor is None or not (actor.is_active and actor.is_staff):
        raise Forbidden("Only staff may erase others.")
    if member.is_superuser and not actor.is_superuser:
        raise Forbidden("A superuser is erased by superusers only.")


def _rest(user_id: int) -> bool:
    """What is left of a user without pictures and jobs, in one transaction."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        return True
    try:
        with transaction.atomic():
            AccessAttempt.objects.filter(username=lockout.mark(user.username)).delete()
            FairShare.objects.filter(name=f"owner {user_id}").delete()
            Registration.objects.filter(user=user).delete()
            user.delete()
    except IntegrityError:
        # A request that was let in before wrote one more row.
        logger.info("User %d has something new; the erasure goes on", user_id)
        return False
    logger.info("User %d is erased", user_id)
    return True


def _batches(rows: "QuerySet[Image] | QuerySet[Job]", size: int) -> Iterator[list[UUID]]:
    """Ids by key: what cannot be deleted now is not met again."""
    names = rows.order_by("pk").values_list("pk", flat=True)
    batch = list(names[:size])
    while batch:
        yield batch
        batch = list(names.filter(pk__gt=batch[-1])[:size])
