"""POST /v1/models/search/{civitai,huggingface} and the pictures of what they find."""

import asyncio

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from accounts import json_body
from accounts.problems import NotFound
from modelhub.api import callers
from modelhub.api.search_bodies import CivitaiBody, HuggingFaceBody
from modelhub.api.search_shapes import results
from modelhub.models import Found
from modelhub.models.downloads import Source
from modelhub.searching import answering, previews
from modelhub.searching.finds import Question


# Without CSRF's own check: `callers.manager` makes it for callers with a session.
@csrf_exempt
@require_POST
async def civitai(request: HttpRequest) -> HttpResponse:
    """`{query, types?, limit?, page?, nsfw?, offline?}`; an empty query browses the popular ones."""
    return await _search(request, Source.CIVITAI, CivitaiBody)


@csrf_exempt
@require_POST
async def huggingface(request: HttpRequest) -> HttpResponse:
    """`{query, limit?, page?, nsfw?, offline?}`; an empty query browses the popular ones."""
    return await _search(request, Source.HUGGINGFACE, HuggingFaceBody)


@require_GET
async def preview(request: HttpRequest, found_id: int) -> HttpResponse:
    """A WebP whose longer side is at most 384 pixels; for adults only with `?nsfw=true`."""
    url, source = await sync_to_async(_previewed)(request, found_id)
    data = await sync_to_async(previews.kept)(url)
    if data is None:
        # Shielded: others may wait for the same one.
        data = await asyncio.shield(asyncio.wrap_future(previews.coming(source, url)))
    reply = HttpResponse(data, content_type="image/webp")
    reply["Cache-Control"] = "private, max-age=86400"
    return reply


async def _search(request: HttpRequest, source: str, body: type[HuggingFaceBody]) -> HttpResponse:
    question, offline = await sync_to_async(_question)(request, source, body)
    shown = await answering.answer(question, offline=offline)
    return JsonResponse(await sync_to_async(results)(shown, question))


def _question(
    request: HttpRequest, source: str, body: type[HuggingFaceBody]
) -> tuple[Question, bool]:
    callers.manager(request)
    asked = body.read(json_body.read(request))
    offline = asked.pop("offline")
    types = tuple(dict.fromkeys(asked.pop("types", ())))
    return Question(source=source, types=types, **asked), offline


def _previewed(request: HttpRequest, found_id: int) -> tuple[str, str]:
    callers.manager(request)
    found = Found.objects.filter(pk=found_id).exclude(preview="").first()
    if found is None or (found.nsfw and request.GET.get("nsfw") != "true"):
        raise NotFound("There is no such preview.")
    return found.preview, found.source
