"""The gallery's JSON, and the files behind its links."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit
from accounts.api.callers import source
from accounts.authentication import caller, find, require
from accounts.models import User
from accounts.origin import base_url
from accounts.problems import NotFound, Problem
from gallery import albums, curating, deleting, files, filtering, queries, sharing, storage
from gallery.api import bodies, shapes
from gallery.api.shapes import DEFAULT_PAGE
from gallery.errors import GONE
from gallery.models import Image
from gallery.places import LARGEST_OFFSET
from gallery.queries import LARGEST_PAGE


@require_safe
def linked(request: HttpRequest, token: str, extension: str) -> HttpResponseBase:
    """`/images/{token}.{png|jpg|webp}`: whoever holds a live link may see the picture.

    A dead link still opens for those who may see the picture anyway. Anything else is the same
    404: forged, expired, revoked, deleted or lost.
    """
    image = sharing.open_link(token)
    if image is None:
        image, by = sharing.named_by(token), _viewer(request)
        if image is None or not sharing.visible_to(image, by.user):
            raise NotFound(GONE)
        sharing.note_view(image, by)
    reply = files.picture(request, image, extension)
    reply["Cross-Origin-Resource-Policy"] = "cross-origin"
    return reply


class Gallery(APIView):
    required_scope: ClassVar = "read"

    def get(self, request: Request) -> Response:
        """A page of what the caller may see, newest first."""
        user, given = _user(request), request.query_params
        size = filtering.whole(given, "limit", DEFAULT_PAGE, LARGEST_PAGE) or LARGEST_PAGE
        offset = filtering.whole(given, "offset", 0, LARGEST_OFFSET)
        cursor, wanted = given.get("cursor"), filtering.read(given)
        if wanted.album:
            albums.album_of(user, wanted.album)
        page = queries.page_of(user, cursor, size, offset=offset, wanted=wanted)
        total = None if cursor else queries.count(user, wanted)
        base = base_url(request)
        body = shapes.listing(page, user, base, limit=size, offset=offset, total=total)
        ignored = filtering.ignored(given)
        return Response(body, headers={"X-Ignored-Params": ignored} if ignored else None)


class Entry(APIView):
    required_scope: ClassVar = "read"

    def get(self, request: Request, image_id: UUID) -> Response:
        return Response(_shown(request, _opened(request, image_id)))

    def patch(self, request: Request, image_id: UUID) -> Response:
        """The owner's marks: `favourite`, and `keep`, which retention leaves alone."""
        require(caller(request), "generate")
        image = queries.one(_user(request), image_id)
        marks = bodies.MarksBody.read(request.data)
        curating.set_marks(image, marks, source(request))
        return Response({"success": True, "image": _shown(request, image)})

    def delete(self, request: Request, image_id: UUID) -> Response:
        """Deletes file, thumbnail and row. A key that may only read deletes nothing."""
        require(caller(request), "generate")
        image = queries.deletable(_user(request), image_id)
        deleting.hide([image.pk], source(request))
        storage.delete(image)
        return Response({"success": True, "id": str(image_id)})


class RecipeOf(APIView):
    required_scope: ClassVar = "read"

    def get(self, request: Request, image_id: UUID) -> Response:
        return Response(shapes.request_again(_opened(request, image_id)))


class Metadata(APIView):
    required_scope: ClassVar = "read"

    def get(self, request: Request, image_id: UUID) -> Response:
        """The whole recipe, as it stands in the file."""
        return Response(_opened(request, image_id).recipe)


class File(APIView):
    required_scope: ClassVar = "read"

    def get(self, request: Request, image_id: UUID) -> HttpResponseBase:
        return files.picture(request, _opened(request, image_id))


class Thumbnail(APIView):
    required_scope: ClassVar = "read"

    def get(self, request: Request, image_id: UUID) -> HttpResponseBase:
        return files.thumbnail(request, queries.one(_user(request), image_id))


def _viewer(request: HttpRequest) -> audit.Source:
    """Who looks, where looking asks for nobody: bad credentials are as good as none."""
    try:
        identity = find(request)
    except Problem:
        return audit.Source()
    if identity is None or "read" not in identity.scopes:
        return audit.Source()
    return audit.source(request, identity.user, identity.key)


def _user(request: Request) -> User:
    return caller(request).user


def _opened(request: Request, image_id: UUID) -> Image:
    """A picture the caller looks at closely, which staff do not do unseen."""
    image = queries.one(_user(request), image_id)
    sharing.note_view(image, source(request))
    return image


def _shown(request: Request, image: Image) -> dict[str, Any]:
    return shapes.item(image, _user(request), base_url(request))
