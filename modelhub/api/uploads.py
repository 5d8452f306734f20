"""/v1/models/uploads: a model in parts, for staff."""

from contextlib import ExitStack
from functools import partial
from typing import IO, Any, ClassVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit
from accounts.authentication import Identity, caller
from accounts.models import User
from accounts.problems import Invalid, Missing, NotFound, WrongType
from modelhub.api import callers
from modelhub.api.upload_bodies import PartQuery, UploadBody
from modelhub.elsewhere import elsewhere
from modelhub.models import CatalogModel, Upload
from modelhub.uploads import landing, parts, sending

BYTES = "application/octet-stream"


class Uploads(APIView):
    required_scope: ClassVar = callers.SCOPE

    def get(self, request: Request) -> Response:
        """One's own open uploads, the newest first."""
        rows = Upload.objects.filter(created_by=_user(request))
        return Response({"object": "list", "data": [shown(row) for row in rows]})

    def post(self, request: Request) -> Response:
        """Announce a file. Its SHA-256 may be left out by the page alone, which cannot know it."""
        body = UploadBody.read(request.data)
        sha256 = body.get("sha256", "").lower()
        if not sha256 and caller(request).key is not None:
            raise Missing("sha256: This field is required.", param="sha256")
        upload = sending.start(_user(request), body["filename"], body["sizeBytes"], sha256)
        return Response(shown(upload), status=201)


class OneUpload(APIView):
    required_scope: ClassVar = callers.SCOPE

    def get(self, request: Request, upload_id: UUID) -> Response:
        """How far it is."""
        return Response(shown(sending.mine(_user(request), upload_id)))

    def put(self, request: Request, upload_id: UUID) -> Response:
        """The part that begins at `offset`, as it is; the state it leads to."""
        offset = PartQuery.read(request.query_params.dict())["offset"]
        upload = sending.mine(_user(request), upload_id)
        if request.content_type != BYTES:
            raise WrongType(f"Send the bytes themselves, with the header Content-Type: {BYTES}.")
        django = request._request  # noqa: SLF001 its body is read as it comes, and parsed by nobody
        length = int(django.META.get("CONTENT_LENGTH") or 0)
        return Response(shown(sending.receive(upload, offset, django, length)))

    def delete(self, request: Request, upload_id: UUID) -> Response:
        """Give it up; its parts go."""
        sending.drop(sending.mine(_user(request), upload_id))
        return Response({"success": True, "id": str(upload_id)})


# Without CSRF's own check: `callers.manager` makes it for callers with a session.
@csrf_exempt
@require_POST
async def complete(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    """Check the whole file and put it among the models; asked again, tell what became of it."""
    identity = await sync_to_async(callers.manager)(request)
    try:
        done = await _completed(request, identity, upload_id)
    except NotFound:
        before = await sync_to_async(landing.before)(identity.user, upload_id)
        if before is None:
            raise
        done = before
    return JsonResponse(landed(*done))


async def _completed(
    request: HttpRequest, identity: Identity, upload_id: UUID
) -> tuple[Upload, landing.Judged, CatalogModel | None]:
    with ExitStack() as stack:
        upload, file = await sync_to_async(_opened)(identity.user, upload_id, stack)
        try:
            judged = await elsewhere(partial(landing.judge, upload, file))
        except Invalid:
            # What is wrong with it no further part can mend.
            await sync_to_async(sending.discard)(upload)
            raise
        by = audit.source(request, identity.user, identity.key)
        return upload, judged, await sync_to_async(landing.land)(upload, judged, by)


def _opened(owner: User, upload_id: UUID, stack: ExitStack) -> tuple[Upload, IO[bytes]]:
    upload = sending.mine(owner, upload_id)
    landing.check_whole(upload)
    file = stack.enter_context(parts.held(upload.pk))
    # It may have ended while we were not holding it.
    return sending.mine(owner, upload_id), file


def shown(upload: Upload) -> dict[str, Any]:
    return {
        "id": str(upload.pk),
        "filename": upload.filename,
        "sizeBytes": upload.size_bytes,
        "sha256": upload.sha256 or None,
        "receivedBytes": upload.received_bytes,
        "partBytes": sending.part_bytes(),
        "createdAt": int(upload.created_at.timestamp()),
        "expiresAt": int((upload.touched_at + sending.LONGEST_REST).timestamp()),
    }


def landed(upload: Upload, judged: landing.Judged, model: CatalogModel | None) -> dict[str, Any]:
    return {
        "success": True,
        "id": str(upload.pk),
        "filename": upload.filename,
        "sizeBytes": upload.size_bytes,
        "sha256": judged.sha256,
        "kind": str(judged.kind),
        "model": model.public_id if model else None,
        "modelPage": reverse("modelhub_pages:model", args=[model.pk]) if model else None,
        "state": model.state if model else None,
        "detail": model.detail if model else "",
    }


def _user(request: Request) -> User:
    return caller(request).user
