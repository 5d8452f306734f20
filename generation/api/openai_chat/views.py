"""POST /v1/chat/completions: a picture as the answer to a message."""

from collections.abc import AsyncGenerator

from asgiref.sync import sync_to_async
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import json_body
from generation.api import http, sse
from generation.api.openai_chat import translate
from generation.api.openai_chat.translate import Ask
from generation.models import Job

DIALECT = "openai_chat"


# Without CSRF's own check: `http.owner` makes it for callers with a session.
@csrf_exempt
@require_POST
async def completions(request: HttpRequest) -> HttpResponseBase:
    ask, job = await http.placed(request, lambda: _place(request))
    if ask.stream:
        return http.annotate(sse.response(_events(request, ask, job)), ask.said, job)
    done = await http.outcome(request, job)
    urls, seeds = await sync_to_async(_results)(request, done)
    return http.annotate(JsonResponse(translate.to_reply(done, urls, seeds)), ask.said, done)


def _place(request: HttpRequest) -> tuple[Ask, Job]:
    owner = http.owner(request)
    body = json_body.read(request)
    ask = translate.to_ask(body)
    sender = http.caller(request, DIALECT, body)
    return ask, http.place(owner, ask.asked, ask.said, sender, waits=not ask.stream)


def _results(request: HttpRequest, job: Job) -> tuple[list[str], list[int]]:
    images = http.results(job)
    return http.links(request, images), [image.seed for image in images]


async def _events(request: HttpRequest, ask: Ask, job: Job) -> AsyncGenerator[bytes, None]:
    with http.leaving_cancels(request, job):
        yield sse.event(translate.to_opening(ask, job))
        done = await http.last(job)
        urls, seeds = await sync_to_async(_results)(request, done)
        for chunk in translate.to_chunks(ask, done, urls, seeds):
            yield sse.event(chunk)
        yield sse.DONE
