"""/v1/models/download: begin, watch, cancel, take up and forget downloads; for staff."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.callers import source
from accounts.problems import NotFound
from modelhub import downloads
from modelhub.api.download_bodies import (
    CivitAIVersionBody,
    DownloadsQuery,
    RepositoryBody,
    S3Body,
    UrlBody,
)
from modelhub.downloads import shapes
from modelhub.downloads.asking import Asked
from modelhub.models import Download, Source

BODIES: Mapping[str, Any] = MappingProxyType(
    {
        Source.HUGGINGFACE.value: RepositoryBody,
        Source.CIVITAI.value: CivitAIVersionBody,
        Source.URL.value: UrlBody,
        Source.S3.value: S3Body,
    }
)


class Start(APIView):
    required_scope: ClassVar = "models"
    source = ""

    def post(self, request: Request) -> Response:
        body = BODIES[self.source]
        sent = body.read(request.data)
        asked = Asked(self.source, body.reference(sent), sent.get("type", ""), sent["force"])
        return Response(shapes.task(downloads.start(asked, source(request))), status=202)


class Tasks(APIView):
    required_scope: ClassVar = "models"

    def get(self, request: Request) -> Response:
        """The newest first."""
        query = DownloadsQuery.read(request.query_params.dict())
        rows = Download.objects.select_related("model")
        if query["status"]:
            rows = rows.filter(status=query["status"])
        start = query["offset"]
        listed = [shapes.task(row) for row in rows[start : start + query["limit"]]]
        return Response({"object": "list", "data": listed, "total": rows.count()})


class Task(APIView):
    required_scope: ClassVar = "models"

    def get(self, request: Request, download_id: UUID) -> Response:
        return Response(shapes.task(one(download_id)))


class OneDownload(APIView):
    required_scope: ClassVar = "models"

    def delete(self, request: Request, download_id: UUID) -> Response:
        """Only when it is over; a model that is in place stays."""
        downloads.forget(one(download_id), source(request))
        return Response(status=204)


class Cancel(APIView):
    required_scope: ClassVar = "models"

    def post(self, request: Request, download_id: UUID) -> Response:
        return Response(shapes.task(downloads.cancel(one(download_id), source(request))))


class Resume(APIView):
    required_scope: ClassVar = "models"

    def post(self, request: Request, download_id: UUID) -> Response:
        return Response(
            shapes.task(downloads.resume(one(download_id), source(request))), status=202
        )


def one(download_id: UUID) -> Download:
    found = Download.objects.select_related("model").filter(pk=download_id).first()
    if found is None:
        raise NotFound("There is no such download.")
    return found
