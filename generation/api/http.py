"""From a request to a job and back: who asks, what joins, how long one waits, who has left."""

import asyncio
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.authentication import identify, require
from accounts.models import User
from accounts.origin import base_url
from accounts.problems import Invalid, NotFound, Problem
from gallery import sharing
from gallery.models import Image
from generation import conf, jobs
from generation.api.estimate import Estimate
from generation.api.fields import Said
from generation.engine.errors import NotSupported
from generation.errors import (
    JobCancelled,
    JobFailed,
    ModelNotFound,
    NotReady,
    QueueFull,
)
from generation.jobs import Caller
from generation.models import Job
from generation.requests import ImageRequest
from generation.resolve import resolve
from modelhub import catalog
from modelhub.models import CatalogModel

# Names of models that are not ours but that clients send without being asked.
OPENAI_MODELS = re.compile(r"(gpt-image|dall-e|chatgpt-image)")
MAX_HEADER = 1000

T = TypeVar("T")
R = TypeVar("R", bound=HttpResponseBase)

_waiters: Counter[UUID] = Counter()
_farewells: set[asyncio.Task[None]] = set()


def owner(request: HttpRequest, scope: str = "generate") -> User:
    """The caller, allowed to do this. Asks the database: call it off the event loop."""
    identity = identify(request)
    require(identity, scope)
    return identity.user


def caller(request: HttpRequest, dialect: str, body: Mapping[str, Any], **more: Any) -> Caller:
    """How the job came about. Bodies are hashed with the dialect: their keys mean other things."""
    text = json.dumps([dialect, body], sort_keys=True)
    return Caller(
        dialect=dialect,
        idempotency_key=request.headers.get("Idempotency-Key", ""),
        body_hash=hashlib.sha256(text.encode()).hexdigest(),
        sdk_retry=_retry_count(request) > 0,
        **more,
    )


def _retry_count(request: HttpRequest) -> int:
    count = request.headers.get("x-stainless-retry-count", "")
    return int(count) if count.isascii() and count.isdigit() else 0


def model_named(name: str | None, user: User) -> CatalogModel:
    """The model a request of `user` means; none, or OpenAI's own names, mean the default one.

    An alias comes before OpenAI's names, also when its model cannot be used just now.
    """
    found = catalog.find(name, user) if name else None
    if found is not None:
        return found
    if name and not _is_foreign(name):
        raise ModelNotFound(catalog.refusal(name, user), param="model")
    default = catalog.default(user)
    if default is None:
        raise NotReady("No model is installed yet.")
    return default


def _is_foreign(name: str) -> bool:
    known = settings.ALICE_OPENAI_MODEL_NAMES and OPENAI_MODELS.match(name)
    return bool(known) and not catalog.is_alias(name)


def place(
    user: User, asked: ImageRequest, said: Said, sender: Caller, *, waits: bool = False
) -> Job:
    """Join the job this request already has, or resolve and submit it.

    `waits`: the caller holds the line until the end. Raises QueueFull when that would be in vain.
    """
    with said.in_own_words():
        # Before resolving: a seed drawn anew would make another order of the same request.
        if known := jobs.joined(user, sender):
            return known
        resolved = resolve(asked, model_named(asked.model, user))
        if waits:
            _refuse_hopeless(user)
        return jobs.submit(user, resolved, sender)


def _refuse_hopeless(user: User) -> None:
    if not jobs.queued().exists():
        return
    wait, budget = Estimate().wait_seconds(user), conf.wait_seconds()
    if wait > budget:
        raise QueueFull(
            f"About {wait:.0f} s of work are before you and a blocking call waits {budget} s: "
            "use stream, or POST /v1/jobs.",
            retry_after=60,
        )


async def placed(request: HttpRequest, work: Callable[[], tuple[T, Job]]) -> tuple[T, Job]:
    """Run `work` in one thread hop; a client that leaves meanwhile leaves no job behind."""
    placing = asyncio.create_task(sync_to_async(work)())
    try:
        return await asyncio.shield(placing)
    except asyncio.CancelledError:
        if _cancels_by_leaving(request):
            placing.add_done_callback(lambda done: _forsake(request, done))
        raise


def _forsake(request: HttpRequest, placing: asyncio.Task[tuple[Any, Job]]) -> None:
    if not placing.cancelled() and placing.exception() is None:
        _bid_farewell(request, placing.result()[1])


async def outcome(request: HttpRequest, job: Job) -> Job:
    """The job when it has succeeded; raises what became of it otherwise, or WaitTimeout."""
    with leaving_cancels(request, job):
        try:
            return succeeded(await jobs.finished(job.id, float(conf.wait_seconds())))
        except Problem as problem:
            problem.headers |= {"X-Job-Id": str(job.id)}
            raise


async def last(job: Job) -> Job:
    """The same without a limit of time, for streams."""
    async for update in jobs.follow(job.id):
        job = update.job
    return succeeded(job)


def succeeded(job: Job) -> Job:
    if job.status == Job.Status.CANCELLED:
        raise JobCancelled("The job was cancelled.")
    if job.error_code == NotSupported.code:
        # Only the worker's back end could tell, but the request is what has to change.
        raise Invalid(job.error_message, code="unsupported_value")
    if job.error_code == ModelNotFound.code:
        raise ModelNotFound(job.error_message, param="model")
    if job.status == Job.Status.FAILED:
        raise JobFailed(job.error_code, job.error_message)
    return job


@contextmanager
def leaving_cancels(request: HttpRequest, job: Job) -> Iterator[None]:
    """A client that really leaves takes its job with it, unless somebody else waits for it too."""
    _waiters[job.id] += 1
    left = False
    try:
        yield
    except (asyncio.CancelledError, GeneratorExit):
        # A stopping server cancels as well; only a disconnect counts.
        left = _cancels_by_leaving(request)
        raise
    finally:
        _waiters[job.id] -= 1
        if not _waiters[job.id]:
            del _waiters[job.id]
        if left:
            _bid_farewell(request, job)


def _cancels_by_leaving(request: HttpRequest) -> bool:
    left = getattr(request, "scope", {}).get("client_left")
    gone = isinstance(left, asyncio.Event) and left.is_set()
    return gone and not request.headers.get("Idempotency-Key")


def _bid_farewell(request: HttpRequest, job: Job) -> None:
    sdk = any(name.lower().startswith("x-stainless-") for name in request.headers)
    grace = float(settings.ALICE_DISCONNECT_GRACE_SECONDS) if sdk else 0.0
    # A context of its own: the request's thread and everything bound to it is about to go.
    task = asyncio.get_running_loop().create_task(_farewell(job.id, grace), context=Context())
    _farewells.add(task)
    task.add_done_callback(_farewells.discard)


async def _farewell(job_id: UUID, grace: float) -> None:
    await asyncio.sleep(grace)
    if not _waiters[job_id]:
        await sync_to_async(jobs.cancel)(job_id)


def results(job: Job) -> list[Image]:
    """The pictures of a job that succeeded; a repeated request may come after their deletion."""
    images = jobs.result_images(job)
    if not images:
        raise NotFound("The pictures of this job have been deleted.")
    return images


def links(request: HttpRequest, images: list[Image], fmt: str = "png") -> list[str]:
    """Absolute addresses a client without credentials can fetch."""
    base = base_url(request)
    return [sharing.link(image, fmt, base) for image in images]


def annotate(response: R, said: Said, job: Job) -> R:
    """What the body has no place for: the job, ignored parameters, adjusted ones."""
    response["X-Job-Id"] = str(job.id)
    named = {
        "X-Ignored-Params": said.ignored,
        "X-Adjusted-Params": [str(adjustment["field"]) for adjustment in job.adjustments],
    }
    for header, names in named.items():
        if names:
            response[header] = header_list(names)
    return response


def header_list(names: Sequence[str]) -> str:
    """Names as one ASCII header line; what does not fit is counted."""
    line = ""
    for index, name in enumerate(names):
        item = quote(name[:MAX_HEADER], safe=" []./@!$&'*+;=:~")
        if len(line) + len(item) > MAX_HEADER:
            return f"{line}, and {len(names) - index} more" if line else f"{len(names)} names"
        line = f"{line}, {item}" if line else item
    return line
