"""POST /v1/images/generations."""

from collections.abc import AsyncGenerator
from io import BytesIO

from asgiref.sync import sync_to_async
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from PIL import Image as Pillow

from accounts import json_body
from gallery import storage
from generation import jobs
from generation.api import http, sse
from generation.api.openai_images import translate
from generation.api.openai_images.translate import Ask
from generation.models import Job

DIALECT = "openai_images"


# Without CSRF's own check: `http.owner` makes it for callers with a session.
@csrf_exempt
@require_POST
async def generations(request: HttpRequest) -> HttpResponseBase:
    ask, job = await http.placed(request, lambda: _place(request))
    if ask.stream:
        return http.annotate(sse.response(_events(request, ask, job)), ask.said, job)
    done = await http.outcome(request, job)
    return http.annotate(await sync_to_async(_reply)(request, ask, done), ask.said, done)


def _place(request: HttpRequest) -> tuple[Ask, Job]:
    owner = http.owner(request)
    body = json_body.read(request)
    ask = translate.to_ask(body)
    previews = ask.stream and ask.partial_images > 0
    sender = http.caller(request, DIALECT, body, previews=previews)
    return ask, http.place(owner, ask.asked, ask.said, sender, waits=not ask.stream)


def _reply(request: HttpRequest, ask: Ask, job: Job) -> JsonResponse:
    images = http.results(job)
    pictures: list[bytes | str] = (
        [*http.links(request, images, ask.output_format)]
        if ask.as_url
        else [
            storage.as_format(storage.read(i), ask.output_format, ask.compression) for i in images
        ]
    )
    return JsonResponse(translate.to_reply(ask, job, pictures, [i.seed for i in images]))


async def _events(request: HttpRequest, ask: Ask, job: Job) -> AsyncGenerator[bytes, None]:
    sent = 0
    with http.leaving_cancels(request, job):
        async for update in jobs.follow(job.id):
            job = update.job
            due = translate.partial_is_due(sent, ask.partial_images, job.step, job.steps)
            if update.preview and due:
                encoded = await sync_to_async(_preview)(update.preview, ask)
                data = translate.to_partial_event(ask, job, encoded, sent)
                yield sse.event(data, name=data["type"])
                sent += 1
        for data in await sync_to_async(_completed)(ask, http.succeeded(job)):
            yield sse.event(data, name=str(data["type"]))


def _completed(ask: Ask, job: Job) -> list[dict[str, object]]:
    return [
        translate.to_completed_event(
            ask,
            job,
            storage.as_format(storage.read(image), ask.output_format, ask.compression),
            image.seed,
        )
        for image in http.results(job)
    ]


def _preview(webp: bytes, ask: Ask) -> bytes:
    """A preview in the format the client was promised."""
    if ask.output_format == "webp":
        return webp
    stream = BytesIO()
    with Pillow.open(BytesIO(webp), formats=["WEBP"]) as picture:
        picture.convert("RGB").save(stream, ask.output_format.upper())
    return stream.getvalue()
