"""Word of jobs to pages and waiters, and of cancels to workers."""

from collections.abc import Callable
from uuid import UUID

from accounts import nudges
from accounts.nudges import messages

__all__ = ["ALL_JOBS", "DASHBOARD", "ask_cancel", "group_of", "hear_cancels", "messages", "nudge"]

# Every nudge of every job: one subscription serves all waiters of a process.
ALL_JOBS = "jobs"
DASHBOARD = "dashboard"
CANCELS = "cancels"


def group_of(job_id: UUID) -> str:
    return f"job_{job_id.hex}"


def nudge(job_id: UUID) -> None:
    """Tell pages and waiters that this job's row changed. Never blocks, never raises."""
    message = {"type": "job.update", "job": str(job_id)}
    nudges.offer(group_of(job_id), message)
    nudges.offer(ALL_JOBS, message)
    nudges.offer(DASHBOARD, {"type": "dashboard.update"})


def ask_cancel(job_id: UUID) -> None:
    """Tell the workers that this job's cancel flag is set; the row is what they believe."""
    nudges.offer(CANCELS, {"type": "job.cancel", "job": str(job_id)})


def hear_cancels(tell: Callable[[UUID], None]) -> None:
    """Have `tell` called, in the background thread, with the id of every job to be cancelled."""
    nudges.listen(CANCELS, lambda message: tell(UUID(message["job"])))
