"""Whatever happens in whatever order: usage is what the rows say, and never above a limit."""

import uuid
from collections import defaultdict
from datetime import timedelta
from random import Random

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts import quotas
from accounts.models import Quota, Usage, User
from accounts.problems import QuotaUsed
from gallery import storage
from gallery.models import Image
from gallery.storage import StoredFile
from generation import jobs
from generation.jobs.saver import recipe_of
from generation.models import ENDED, OPEN, Job
from generation.requests import ImageRequest
from generation.resolve import resolve
from modelhub.models import CatalogModel
from tests.generation.jobs.conftest import expire, installed, picture

TIMINGS = dict.fromkeys(("encode_ms", "denoise_ms", "decode_ms"), 1)
QUEUED, RUNNING, IMAGES, WORK, BYTES = 3, 2, 14, 2.0, 3000
# A failure is told as it was found: to shorten it takes minutes.
PHASES = (Phase.explicit, Phase.generate)
people = st.sampled_from(["alice", "bob"])
chance = st.randoms(use_true_random=False)


class Life(RuleBasedStateMachine):
    """Alice is limited in everything, bob in nothing; each example ends in a rollback."""

    model: CatalogModel
    owners: dict[str, User]

    def __init__(self) -> None:
        super().__init__()
        self.stage = transaction.atomic()
        self.stage.__enter__()
        self.claims: list[jobs.Claim] = []
        # What this machine expects by itself: pictures taken of today, by job.
        self.taken: defaultdict[str, dict[uuid.UUID, int]] = defaultdict(dict)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.stage.__exit__(None, None, None)

    @initialize()
    def begin(self) -> None:
        self.model = installed("demo")
        self.owners = {name: User.objects.create(username=name) for name in ("alice", "bob")}
        Quota.objects.create(
            user=self.owners["alice"],
            queued_jobs=QUEUED,
            running_jobs=RUNNING,
            images_per_day=IMAGES,
            megapixel_steps_per_day=WORK,
            stored_bytes=BYTES,
        )
        # Something for every rule to work on, from its first turn.
        for name, n in (("alice", 2), ("bob", 1), ("alice", 1), ("bob", 3), ("alice", 1)):
            self.submit(name, n, 10)
        for _ in range(3):
            self.claim()
        self.publish(Random(0), 300)

    @rule(name=people, n=st.integers(1, 4), steps=st.integers(1, 30))
    def submit(self, name: str, n: int, steps: int) -> None:
        asked = ImageRequest(prompt="a lake", n=n, num_inference_steps=steps)
        before = quotas.usage_of(self.owners[name])
        order = resolve(asked, self.model)
        try:
            job = jobs.submit(self.owners[name], order, jobs.Caller("native"))
        except QuotaUsed:
            assert name == "alice"
            assert quotas.usage_of(self.owners[name]) == before
            assert (
                before.queued_jobs >= QUEUED
                or before.images_today + n > IMAGES
                or before.megapixel_steps_today + order.megapixel_steps > WORK
                or before.stored_bytes >= BYTES
            )
        else:
            assert name == "bob" or before.queued_jobs < QUEUED
            self.taken[name][job.pk] = n

    @rule()
    def claim(self) -> None:
        claim = jobs.claim("w1")
        waiting = Job.objects.filter(status=Job.Status.QUEUED)
        if claim:
            self.claims.append(claim)
        elif waiting.exists():
            assert set(waiting.values_list("owner__username", flat=True)) == {"alice"}
            assert quotas.usage_of(self.owners["alice"]).running_jobs == RUNNING

    @precondition(lambda self: self.claims)
    @rule(dice=chance, share=st.floats(0, 1))
    def report(self, dice: Random, share: float) -> None:
        claim = self._any(dice)
        steps = claim.spec.num_inference_steps
        try:
            jobs.report(claim, round(steps * share), steps)
        except jobs.LeaseLost:
            self.claims.remove(claim)

    @precondition(lambda self: self.claims)
    @rule(dice=chance)
    def release(self, dice: Random) -> None:
        jobs.release(self._take(dice))

    @precondition(lambda self: self.claims)
    @rule(dice=chance)
    def die(self, dice: Random) -> None:
        expire(self._any(dice).job)
        jobs.reap()

    @precondition(lambda self: self.claims)
    @rule(dice=chance)
    def retry(self, dice: Random) -> None:
        jobs.retry(self._take(dice), "device_lost", "gone", attempts=2)

    @precondition(lambda self: self.claims)
    @rule(dice=chance)
    def fail(self, dice: Random) -> None:
        # Also a claim that was lost: it must change nothing.
        jobs.fail(self._any(dice), "numerical_error", "")

    @precondition(lambda self: self.claims)
    @rule(dice=chance, size=st.integers(1, 900))
    def publish(self, dice: Random, size: int) -> None:
        claim = self._take(dice)
        made = [_stored(claim, index, size) for index in range(claim.spec.n)]
        try:
            jobs.publish(claim, made, TIMINGS)
        except jobs.LeaseLost:
            jobs.end_cancelled(claim)

    @rule(dice=chance)
    def cancel(self, dice: Random) -> None:
        found = list(Job.objects.filter(status__in=OPEN).order_by("created_at", "pk"))
        if found:
            jobs.cancel(dice.choice(found).pk)

    @rule(dice=chance)
    def hide(self, dice: Random) -> None:
        found = list(Image.objects.order_by("created_at", "pk"))
        if found:
            chosen = dice.choice(found)
            storage.hide(chosen)
            storage.hide(chosen)

    @rule()
    def remove_rows(self) -> None:
        first = Image.objects.order_by("created_at", "pk").first()
        if first:
            first.delete()

    @rule()
    def forget_an_ended_job(self) -> None:
        self._settle()
        ended = Job.objects.filter(status__in=ENDED).order_by("created_at", "pk")
        Job.objects.filter(pk__in=list(ended.values_list("pk", flat=True)[:1])).delete()

    @rule()
    def midnight(self) -> None:
        self._settle()
        self.taken.clear()
        Usage.objects.exclude(day=None).update(day=F("day") - timedelta(days=1))
        Job.objects.exclude(reserved_on=None).update(
            reserved_on=F("reserved_on") - timedelta(days=1)
        )

    @invariant()
    def usage_is_what_the_rows_say(self) -> None:
        assert jobs.recount(dry_run=True) == []

    @invariant()
    def a_day_has_what_its_jobs_took(self) -> None:
        self._settle()
        for name, owner in getattr(self, "owners", {}).items():
            assert quotas.usage_of(owner).images_today == sum(self.taken[name].values())

    @invariant()
    def no_limit_is_passed(self) -> None:
        if hasattr(self, "owners"):
            used = quotas.usage_of(self.owners["alice"])
            assert used.running_jobs <= RUNNING
            # What was given back waits again, beyond what may be submitted.
            assert used.queued_jobs + used.running_jobs <= QUEUED + RUNNING
            assert used.images_today <= IMAGES
            assert 0 <= used.megapixel_steps_today <= WORK + quotas.ROUNDING

    def _settle(self) -> None:
        """Jobs that ended without a picture gave their day's pictures back."""
        bare = Job.objects.filter(status__in=(Job.Status.FAILED, Job.Status.CANCELLED))
        for pk in bare.values_list("pk", flat=True):
            for jobs_of in self.taken.values():
                jobs_of.pop(pk, None)

    def _any(self, dice: Random) -> jobs.Claim:
        return dice.choice(self.claims)

    def _take(self, dice: Random) -> jobs.Claim:
        claim = self._any(dice)
        self.claims.remove(claim)
        return claim


def _stored(claim: jobs.Claim, index: int, size: int) -> jobs.Stored:
    """A picture whose files nobody looks at here."""
    name = uuid.uuid4()
    file = StoredFile(f"{name}.png", f"{name}.webp", "0" * 64, size, 64, 64)
    return jobs.Stored(name, index, recipe_of(claim.spec, picture(claim, index)), file)


@pytest.mark.django_db
def test_usage_is_true_through_any_life_of_jobs_and_pictures() -> None:
    few = settings(
        derandomize=True, deadline=None, max_examples=40, stateful_step_count=40, phases=PHASES
    )
    run_state_machine_as_test(Life, settings=few)


@pytest.mark.long
@pytest.mark.django_db
def test_usage_is_true_through_many_lives() -> None:
    many = settings(deadline=None, max_examples=400, stateful_step_count=80)
    run_state_machine_as_test(Life, settings=many)
