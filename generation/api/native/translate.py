"""ALICE's own jobs <-> JSON: pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import cursors
from generation.api.fields import Said, picture, said, validated
from generation.api.native.schema import JobBody
from generation.models import Job
from generation.requests import ImageRequest

STAGES = ("queue_ms", "load_ms", "encode_ms", "denoise_ms", "decode_ms", "save_ms")

NO_PICTURE: Mapping[str, str] = {"failed": "internal_error", "cancelled": "job_cancelled"}


@dataclass(frozen=True, slots=True)
class Ask:
    asked: ImageRequest
    said: Said
    client_job_id: str
    priority: int
    previews: bool


@dataclass(frozen=True, slots=True)
class Prospect:
    """Where a job stands: jobs before it (0: next or running, None: ended), seconds to its end."""

    queue_position: int | None
    eta_seconds: float | None


def to_ask(body: Mapping[str, Any]) -> Ask:
    """Raises Invalid or Missing naming the parameter as the body spells it."""
    words = said(body, JobBody)
    values = validated(JobBody, words)
    return Ask(
        asked=picture(values["prompt"], values, words.names),
        said=words,
        client_job_id=values["client_job_id"],
        priority=values["priority"],
        previews=values["previews"],
    )


def to_receipt(job: Job, prospect: Prospect, base: str) -> dict[str, Any]:
    """What the maker of a job is told at once."""
    here = f"{base}/v1/jobs/{job.id}"
    return {
        "id": str(job.id),
        "status": job.status,
        "queue_position": prospect.queue_position,
        "eta_seconds": prospect.eta_seconds,
        "adjustments": job.adjustments,
        "links": {"self": here, "events": f"{here}/events", "cancel": f"{here}/cancel"},
    }


def to_job(
    job: Job, prospect: Prospect, images: Sequence[Mapping[str, Any]], preview_url: str | None
) -> dict[str, Any]:
    """All there is to know of a job."""
    return {
        "id": str(job.id),
        "client_job_id": job.client_job_id,
        "kind": job.kind,
        "status": job.status,
        "queue_position": prospect.queue_position,
        "eta_seconds": prospect.eta_seconds,
        "step": job.step,
        "steps": job.steps,
        "preview_url": preview_url,
        "requested": job.requested,
        "effective": job.spec,
        "adjustments": job.adjustments,
        "seeds": seeds(job),
        "images": list(images),
        "error": error(job),
        "attempts": job.attempts,
        "created_at": moment(job.created_at),
        "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at),
        "timings": timings(job),
    }


def error(job: Job) -> dict[str, str] | None:
    """Why there is no picture, or None."""
    fallback = NO_PICTURE.get(job.status)
    if fallback is None:
        return None
    return {"code": job.error_code or fallback, "message": job.error_message}


def seeds(job: Job) -> list[int]:
    """One an image, known before any is drawn."""
    first, count = job.spec.get("seed", 0), job.spec.get("n", 1)
    return [(first + index) % 2**32 for index in range(count)]


def timings(job: Job) -> dict[str, float | None]:
    """Milliseconds by stage; None for a stage that has not happened."""
    measured = {stage: job.timings.get(stage) for stage in STAGES}
    if measured["queue_ms"] is None and job.started_at:
        measured["queue_ms"] = round((job.started_at - job.created_at).total_seconds() * 1000, 1)
    return measured


def moment(time: datetime | None) -> str | None:
    """ISO 8601 in UTC."""
    return time.isoformat().replace("+00:00", "Z") if time else None


def to_cursor(job: Job) -> str:
    """A place in the list, newest first: everything after this job."""
    return cursors.write(job.created_at, job.id.hex)


def from_cursor(text: str) -> tuple[datetime, UUID]:
    """Raises Invalid for what to_cursor never made."""
    return cursors.read(text, UUID)
