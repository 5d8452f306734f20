"""Running an ended job again: the same order, seed included, as a new job of the same owner."""

from accounts.problems import Invalid
from generation.engine.contract import JobSpec
from generation.errors import ModelNotFound
from generation.jobs.submitting import Caller, submit
from generation.models import Job
from generation.resolve import Adjustment, Resolved
from modelhub import catalog

REPEATABLE = frozenset({Job.Status.FAILED, Job.Status.CANCELLED})


def repeat(job: Job) -> Job:
    """Submit what `job` ordered once more. The limits of its owner hold as for any order.

    Raises Invalid for a job that neither failed nor was cancelled, ModelNotFound, and what
    submit raises.
    """
    if job.status not in REPEATABLE:
        raise Invalid(f"The job is {job.status}: only failed and cancelled ones are retried.")
    if catalog.ready(job.model, job.owner) is None:
        raise ModelNotFound(f"The model {job.model!r} is no longer here.", param="model")
    caller = Caller(
        dialect=job.dialect,
        client_job_id=job.client_job_id,
        previews=job.previews,
        priority=job.priority,
    )
    return submit(job.owner, _order(job), caller)


def _order(job: Job) -> Resolved:
    adjustments = tuple(
        Adjustment(a["field"], a["from"], a["to"], a["reason"]) for a in job.adjustments
    )
    return Resolved(JobSpec.from_json(job.spec), adjustments, job.requested)
