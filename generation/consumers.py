"""Websockets of the pages: one follows a job, one shows the dashboard as it changes."""

import asyncio
import base64
import json
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from accounts import listening
from accounts.credentials import Credential
from accounts.models import User
from accounts.problems import NotFound, RateLimited, Unauthenticated
from generation import jobs, progress
from generation.models import Job
from generation.overview import board, picture

logger = logging.getLogger(__name__)

SCOPE = "generate"
MAX_MESSAGE = 64 * 1024
MAX_MESSAGES = 20
# A lost right closes a socket within a second; asking takes a moment itself.
RIGHTS_SECONDS = 0.8
# The dashboard is drawn anew at most and at least this often, in seconds.
REDRAW_SECONDS, RESYNC_SECONDS = 0.5, 5.0

FINISHED, BAD_MESSAGE, TOO_BIG, BROKEN = 1000, 1008, 1009, 1011
SIGNED_OUT, FORBIDDEN, REFUSED, TOO_MANY = 4401, 4403, 4404, 4429


class Socket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """A page or a program listening, by a session, a key or a ticket.

    Closes by itself when the right to listen is gone. Close codes: 4401 not known, or no more;
    4403 the scope is missing; 4404 refused, whether the thing is another's or does not exist; 4429
    too many sockets, messages or wrong keys; 1008 and 1009 a message that is none of ours.
    """

    user: User
    credential: Credential
    messages = 0
    serving: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        # Accepted even when refused: a browser shows a page the close code of open sockets only.
        await self.accept()
        self.serving = asyncio.create_task(self.serve())

    async def disconnect(self, code: int) -> None:
        if self.serving is not None:
            self.serving.cancel()
            # What broke was logged where it broke.
            await asyncio.gather(self.serving, return_exceptions=True)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.messages += 1
        if self.messages > MAX_MESSAGES:
            await self.close(TOO_MANY)
        elif len(text_data or "") > MAX_MESSAGE or len(bytes_data or b"") > MAX_MESSAGE:
            await self.close(TOO_BIG)
        elif not await self.hear(_parsed(text_data)):
            await self.close(BAD_MESSAGE)

    async def hear(self, message: Any) -> bool:
        """Act on a message; False for one that means nothing here."""
        return False

    async def serve(self) -> None:
        try:
            code = await self._admitted()
        except NotFound:
            code = REFUSED
        except Unauthenticated:
            code = SIGNED_OUT
        except RateLimited:
            code = TOO_MANY
        except Exception:
            await self.close(BROKEN)
            logger.exception("A websocket broke")
            raise
        await self.close(code)

    async def _admitted(self) -> int:
        """The whole conversation; returns the code to close with."""
        credential = await sync_to_async(listening.credential)(self.scope)
        if credential is None:
            return SIGNED_OUT
        self.credential = credential
        if code := await sync_to_async(self._lost_right)():
            return code
        async with listening.counted(self.user) as room:
            return await self._while_allowed() if room else TOO_MANY

    async def _while_allowed(self) -> int:
        talking = asyncio.create_task(self.talk())
        try:
            while not talking.done():
                await asyncio.wait({talking}, timeout=RIGHTS_SECONDS)
                if not talking.done() and (code := await sync_to_async(self._lost_right)()):
                    return code
                await listening.renew()
            talking.result()
            return FINISHED
        finally:
            talking.cancel()
            # Its end is waited for, so that what it holds (groups, connections) is let go.
            await asyncio.wait({talking})

    def _lost_right(self) -> int:
        """The code to close with, 0 while the right is there; asks the database."""
        identity = self.credential.holder()
        known = getattr(self, "user", None)
        if identity is None or known not in {None, identity.user}:
            return SIGNED_OUT
        self.user = identity.user
        if SCOPE not in identity.scopes:
            return FORBIDDEN
        return 0 if self.allowed() else REFUSED

    def allowed(self) -> bool:
        """Whether `user` may listen now; asked at the beginning and every second after."""
        return True

    async def talk(self) -> None:
        raise NotImplementedError

    async def send_json(self, message: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(message))


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
            jobs.cancel(self.job_id)


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


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except ValueError:
        return None
