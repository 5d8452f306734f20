"""How long a claim takes in a long queue: python -m bench.claims [jobs].

DATABASE_URL=postgres://... names an empty PostgreSQL database; without it SQLite is measured.
Each claim is ended at once, so that the next finds the queue as the last one did. The processor's
time tells more than the clock's on a busy machine; with SQLite it is the database's as well.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

JOBS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
OWNERS = 100
CLAIMS = 40

T = TypeVar("T")


def fill(owners: int) -> None:
    """JOBS queued jobs, spread over the owners as fair shares lay them."""
    from accounts.models import Usage, User
    from generation.models import Job
    from modelhub.models import CatalogModel

    CatalogModel.objects.create(
        public_id="sd/demo", path="demo", layout="diffusers", family="sd1", native_resolution=512
    )
    spec = {
        "task": "txt2img", "model": "sd/demo", "prompt": "a lake", "negative_prompt": "",
        "width": 512, "height": 512, "num_inference_steps": 20, "guidance_scale": 7.5,
        "scheduler": "euler_a", "seed": 1, "n": 1, "clip_skip": 0,
    }  # fmt: skip
    people = User.objects.bulk_create([User(username=f"user{i}") for i in range(owners)])
    cost = 5.24
    Job.objects.bulk_create(
        [
            Job(
                owner=people[index % owners], dialect="native", kind="txt2img", model="sd/demo",
                spec=spec, fair_tag=index // owners * cost, cost=cost, steps=20,
            )
            for index in range(JOBS)
        ],
        batch_size=2000,
    )  # fmt: skip
    Usage.objects.bulk_create([Usage(user=user, queued_jobs=JOBS // owners) for user in people])


def timed(work: Callable[[], T], times: list[tuple[float, float]]) -> T:
    begin, busy = time.perf_counter(), time.thread_time()
    done = work()
    took = time.perf_counter() - begin, time.thread_time() - busy
    times.append((took[0] * 1000, took[1] * 1000))
    return done


def claims() -> list[tuple[float, float]]:
    """Milliseconds of each claim by the clock and of the processor."""
    from generation import jobs

    times: list[tuple[float, float]] = []
    for _ in range(CLAIMS):
        claim = timed(lambda: jobs.claim("bench"), times)
        if claim:
            jobs.fail(claim, "done", "")
    return times


def submits() -> list[tuple[float, float]]:
    """The same of each submit of a newcomer."""
    from django.conf import settings

    from accounts.models import User
    from generation import jobs
    from generation.requests import ImageRequest
    from generation.resolve import resolve
    from modelhub.models import CatalogModel

    settings.ALICE_QUEUE_LIMIT = 10 * JOBS
    order = resolve(ImageRequest(prompt="a lake"), CatalogModel.objects.get())
    owner, times = User.objects.create(username="newcomer"), []
    for _ in range(CLAIMS):
        timed(lambda: jobs.submit(owner, order, jobs.Caller("native")), times)
    return times


def show(name: str, times: list[tuple[float, float]]) -> None:
    clock, busy = zip(*times, strict=True)
    print(
        f"{name:50} {_summary(clock)} by the clock, {_summary(busy)} of the processor", flush=True
    )


def _summary(times: Sequence[float]) -> str:
    return f"{statistics.median(times):6.2f} (p95 {statistics.quantiles(times, n=20)[-1]:6.2f}) ms"


def measure() -> None:
    from accounts.models import Quota, Usage, User
    from generation.models import Job

    show("claim, no quota", claims())
    show("submit, no quota", submits())
    Quota.objects.create(role="user", running_jobs=1)
    show("claim, everybody may run one", claims())
    blocked = Usage.objects.exclude(user__username="user1")
    blocked.update(running_jobs=1)
    show("claim, all owners but one at their limit", claims())
    # The worst there is: one owner at the limit before all that may run, in 9,999 of 10,000 jobs.
    greedy = User.objects.get(username="user0")
    waiting = Job.objects.filter(status="queued").order_by("fair_tag", "pk")
    last = waiting.filter(owner__username="user1").reverse()[:CLAIMS]
    kept = set(last.values_list("pk", flat=True))
    Job.objects.filter(status="queued").exclude(pk__in=kept).update(owner=greedy)
    Job.objects.filter(pk__in=kept).update(fair_tag=10**6)
    show("claim, behind all jobs of one owner at his limit", claims())
    Job.objects.filter(pk__in=kept).delete()
    show("claim in vain, all that waits is his", claims())


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"ALICE_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "aliceproject.settings"}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        fill(OWNERS)
        print(f"{JOBS} queued jobs of {OWNERS} owners")
        measure()


if __name__ == "__main__":
    main()
