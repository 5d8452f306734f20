"""The problems of generation, each with the code its callers see."""

from accounts.problems import Busy, Invalid, NotFound, Problem


class ModelNotFound(NotFound):
    code = "model_not_found"


class Adjusted(Invalid):
    """A strict request would have been adjusted."""

    code = "unsupported_value"


class QueueFull(Busy):
    code = "queue_full"


class NotReady(Busy):
    code = "not_ready"


class StorageFull(Busy):
    code = "storage_full"


class WaitTimeout(Busy):
    """The job goes on; `job_id` tells the caller where its result will be."""

    code = "wait_timeout"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"The job {job_id} is still running; ask again.", retry_after=5)
        self.job_id = job_id


class JobFailed(Problem):
    """The job ended without a picture. Asking again changes nothing: SDKs must not retry."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code=code, headers={"x-should-retry": "false"})


class JobCancelled(Invalid):
    code = "job_cancelled"
