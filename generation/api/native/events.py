"""GET /v1/jobs/{id}/events: a job as it happens."""

import logging
from base64 import b64encode
from collections.abc import AsyncGenerator
from typing import Any

from asgiref.sync import sync_to_async
from django.db import Error, connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

from accounts.authentication import identify, require
from accounts.credentials import Credential
from accounts.models import User
from accounts.origin import base_url
from accounts.problems import Invalid, Unauthenticated
from generation import jobs
from generation.api import sse
from generation.api.estimate import Estimate
from generation.api.native.views import find, job_json, prospect
from generation.jobs import Update
from generation.models import Job

logger = logging.getLogger(__name__)

SCOPE = "generate"


@csrf_exempt
@require_GET
async def events(request: HttpRequest, job_id: str) -> HttpResponseBase:
    credential, user, job = await sync_to_async(_found)(request, job_id)
    told = _events(user, job, base_url(request), _last_seen(request))
    return sse.response(sse.while_allowed(told, lambda: sync_to_async(_check)(credential, job_id)))


def _found(request: HttpRequest, job_id: str) -> tuple[Credential, User, Job]:
    identity = identify(request)
    require(identity, SCOPE)
    return Credential.of(identity, request), identity.user, find(identity.user, job_id)


def _check(credential: Credential, job_id: str) -> None:
    """Raises what a new request for the stream would."""
    try:
        identity = credential.holder()
    except Error as error:
        # While the database is away nothing is told either; the next look opens a connection anew.
        logger.warning("The right to a stream could not be looked at: %s", error)
        connections.close_all()
        return
    if identity is None:
        raise Unauthenticated("Your key or session has ended.")
    require(identity, SCOPE)
    find(identity.user, job_id)


def _last_seen(request: HttpRequest) -> int:
    last = request.headers.get("Last-Event-ID", "") or "0"
    if not (last.isascii() and last.isdigit() and len(last) < 19):
        raise Invalid("Last-Event-ID must be the id of an event.", param="Last-Event-ID")
    return int(last)


async def _events(user: User, job: Job, base: str, last: int) -> AsyncGenerator[bytes, None]:
    async for update in jobs.follow(job.id, last):
        data = await sync_to_async(_data)(update, user, base)
        yield sse.event(data, name=update.name, number=update.id)


def _data(update: Update, user: User, base: str) -> dict[str, Any]:
    job, estimate = update.job, Estimate()
    if job.ended:
        return job_json(find(user, str(job.id)), user, base, estimate)
    where = prospect(job, estimate)
    known = {
        "id": str(job.id),
        "status": job.status,
        "step": job.step,
        "steps": job.steps,
        "queue_position": where.queue_position,
        "eta_seconds": where.eta_seconds,
    }
    if update.preview:
        known |= {"format": "webp", "b64_json": b64encode(update.preview).decode()}
    return known
