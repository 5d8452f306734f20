"""How long until a job is done, judged by how long the last ones took."""

from dataclasses import dataclass, field

from django.db.models import F, Q, QuerySet, Sum

from generation.models import Job

SAMPLE = 20
Status = Job.Status


@dataclass(slots=True)
class Pace:
    """Seconds a megapixel-step takes, by model; looked up once an object."""

    known: dict[str, float | None] = field(default_factory=dict)

    def of(self, model: str) -> float | None:
        """None for a model that has not drawn anything yet."""
        if model not in self.known:
            self.known[model] = _measured(model)
        return self.known[model]

    def eta_seconds(self, job: Job) -> float | None:
        """Until this job's end; None once it has ended or where nothing is known."""
        pace = None if job.ended else self.of(job.model)
        if pace is None:
            return None
        work = job.cost * _left(job)
        if job.status == Status.QUEUED:
            work += cost_ahead(Q(fair_tag__lt=job.fair_tag))
        return round(pace * work, 1)


def cost_ahead(before: Q) -> float:
    """Megapixel-steps that are still to do before a place in the queue."""
    running = Job.objects.filter(status=Status.RUNNING).order_by()
    waiting: QuerySet[Job] = Job.objects.filter(before, status=Status.QUEUED).order_by()
    queued = waiting.aggregate(total=Sum("cost"))["total"] or 0.0
    return float(queued) + sum(job.cost * _left(job) for job in running)


def _left(job: Job) -> float:
    return 1 - min(1.0, job.step / job.steps) if job.steps else 1.0


def _measured(model: str) -> float | None:
    done = Job.objects.filter(model=model, status=Status.SUCCEEDED, cost__gt=0)
    taken = done.annotate(took=F("finished_at") - F("started_at")).order_by("-finished_at")
    rows = [row for row in taken.values_list("took", "cost")[:SAMPLE] if row[0] is not None]
    if not rows:
        return None
    return float(sum(took.total_seconds() for took, _ in rows) / sum(cost for _, cost in rows))
