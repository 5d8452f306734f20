"""Websockets of the pages: one follows a job, one shows the dashboard as it changes."""

import asyncio
import base64
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async

from accounts import audit
from accounts.sockets import Socket
from generation import jobs, overruling, progress
from generation.models import Job
from generation.overview import board, picture

# The dashboard is drawn anew at most and at least this often, in seconds.
REDRAW_SECONDS, RESYNC_SECONDS = 0.5, 5.0


class JobSocket(Socket):
    """Follows one job to its end; `{"type": "cancel"}` cancels it."""

    @property
    def job_id(self) -> UUID:
        return self.scope["url_route"]["kwargs"]["job_id"]  # type: ignore[no-any-return]  # the route's converter made it

    def allowed(self) -> bool:
        jobs_of = Job.objects.filter(pk=self.job_id)
        return (jobs_of if self.user.is_staff else jobs_of.filter(owner=self.user)).exists()

    async def talk(self) -> None:
        pace = Pace()
        async for update in jobs.follow(self.job_id):
            await self.send_json(await sync_to_async(message)(update, pace))

    async def hear(self, message: Any) -> bool:
        if message != {"type": "cancel"}:
            return False
        await sync_to_async(self._cancel)()
        return True

    def _cancel(self) -> None:
        # A message may come before the handshake was looked at.
        if hasattr(self, "credential") and not self._lost_right():
            job = jobs.cancel(self.job_id)
            address, _ = self.scope.get("client") or ("", 0)
            overruling.note(job, audit.Source(self.user, address=address), asked="cancel")


class DashboardSocket(Socket):
    """Sends the board whenever it changes, and every five seconds in case word of it was lost."""

    changed: asyncio.Event

    async def talk(self) -> None:
        self.changed = asyncio.Event()
        await self.channel_layer.group_add(progress.DASHBOARD, self.channel_name)
        try:
            while True:
                self.changed.clear()
                await self.send_json({"type": "board"} | await sync_to_async(board)(self.user))
                await asyncio.sleep(REDRAW_SECONDS)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.changed.wait(), RESYNC_SECONDS)
        finally:
            await self.channel_layer.group_discard(progress.DASHBOARD, self.channel_name)

    async def dashboard_update(self, event: dict[str, Any]) -> None:
        self.changed.set()


@dataclass(slots=True)
class Pace:
    """How fast steps come, from the first one seen on: loading a model is no part of it."""

    step: int = 0
    since: float = 0.0

    def seconds_left(self, job: Job) -> float | None:
        """None while the job does not run, or until two steps tell the pace."""
        if job.status != Job.Status.RUNNING or not job.step:
            return None
        now = time.monotonic()
        if not 0 < self.step <= job.step:
            self.step, self.since = job.step, now
        done = job.step - self.step
        return round((now - self.since) / done * (job.steps - job.step), 1) if done else None


def message(update: jobs.Update, pace: Pace) -> dict[str, Any]:
    """An update of a job as the page reads it; asks the database for the pictures of a success."""
    job = update.job
    told: dict[str, Any] = {
        "type": update.name,
        "id": update.id,
        "step": job.step,
        "steps": job.steps,
        "eta_seconds": pace.seconds_left(job),
    }
    match update.name:
        case "queued":
            told["position"] = jobs.position(job)
        case "preview":
            told["preview"] = base64.b64encode(update.preview or b"").decode()
        case "succeeded":
            told["images"] = [picture(image) for image in jobs.result_images(job)]
        case "failed":
            told |= {"code": job.error_code, "message": job.error_message}
    return told
