"""How long the queue is and a job will take, judged by the pictures drawn last."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q, Sum

from accounts.models import User
from generation import worker_status
from generation.jobs import fair
from generation.models import FairShare, Job, JobImage

# The newest pictures looked at; found by primary key, however long the history is.
SAMPLE = 100
# Loading a model is left out: it happens once, and would spoil the figure for all that follow.
DRAWING = ("encode_ms", "denoise_ms", "decode_ms")
EVERYTHING = Q()


def paces() -> dict[str, float]:
    """Seconds a megapixel-step takes, by model; only for models that drew lately."""
    newest = JobImage.objects.order_by("-pk").values_list("job", "job__model", "job__cost",
                                                          "job__timings")[:SAMPLE]  # fmt: skip
    seconds: dict[str, float] = defaultdict(float)
    work: dict[str, float] = defaultdict(float)
    for _, model, cost, timings in {row[0]: row for row in newest}.values():
        seconds[model] += sum(timings.get(stage) or 0 for stage in DRAWING) / 1000
        work[model] += cost
    return {model: seconds[model] / work[model] for model in work if work[model]}


@dataclass(frozen=True)
class Estimate:
    """Answers one request's questions; asks the database once for what they share."""

    @cached_property
    def paces(self) -> Mapping[str, float]:
        return paces()

    @cached_property
    def workers(self) -> int:
        return max(1, worker_status.alive().count())

    def eta_seconds(self, job: Job) -> float | None:
        """Until the job's end; None once it has ended or where nothing is known of its model."""
        pace = None if job.ended else self.paces.get(job.model)
        if pace is None:
            return None
        own = pace * job.cost * _left(job)
        queued = job.status == Job.Status.QUEUED
        return round(own + (self.ahead(Q(fair_tag__lt=job.fair_tag)) if queued else 0), 1)

    def ahead(self, before: Q = EVERYTHING) -> float:
        """Seconds of work the workers have before a place in the queue, as far as known."""
        running = Job.objects.filter(status=Job.Status.RUNNING).order_by()
        waiting = fair.queued().filter(before).order_by().values("model").annotate(Sum("cost"))
        work = [(row["model"], row["cost__sum"]) for row in waiting]
        work += [(job.model, job.cost * _left(job)) for job in running]
        seconds: float = sum(self.paces.get(model, 0.0) * cost for model, cost in work)
        return seconds / self.workers

    def wait_seconds(self, owner: User) -> float:
        """Until a new job of `owner` would begin: fair shares let it overtake others' long rows."""
        clock = FairShare.objects.filter(name=fair.CLOCK).first()
        tag = fair.tag(owner, clock.virtual_time if clock else 0.0)
        return self.ahead(Q(fair_tag__lte=tag))


def _left(job: Job) -> float:
    return 1 - min(1.0, job.step / job.steps) if job.steps else 1.0
