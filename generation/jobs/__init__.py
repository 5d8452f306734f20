"""The life of a job: the only code that changes Job.status."""

from generation.jobs.bell import ring
from generation.jobs.claiming import claim, heartbeat, reap, release, retry
from generation.jobs.fair import queued, ready
from generation.jobs.fence import Claim, LeaseLost
from generation.jobs.publishing import Stored, end_cancelled, fail, publish, published
from generation.jobs.queries import cancel, position, result_images
from generation.jobs.recounting import recount
from generation.jobs.repeating import repeat
from generation.jobs.reporting import report
from generation.jobs.submitting import Caller, joined, submit
from generation.jobs.tidying import drop_previews, drop_submissions, drop_workers
from generation.jobs.waiting import Update, finished, follow

__all__ = [
    "Caller", "Claim", "LeaseLost", "Stored", "Update", "cancel", "claim", "drop_previews", "drop_submissions", "drop_workers",
    "end_cancelled", "fail", "finished", "follow", "heartbeat", "joined", "position", "publish",
    "published", "queued", "ready", "reap", "recount", "release", "repeat", "report", "result_images", "retry", "ring", "submit",
]  # fmt: skip
