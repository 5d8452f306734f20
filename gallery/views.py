"""The gallery's JSON, and the files behind its links."""

from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller, find, require
from accounts.models import User
from accounts.problems import Invalid, NotFound, Problem
from gallery import files, queries, shapes, sharing, storage
from gallery.errors import GONE
from gallery.queries import LARGEST_OFFSET, LARGEST_PAGE, Filter

DEFAULT_PAGE = 50
LONGEST_SEARCH = 200
KNOWN = frozenset({"cursor", "limit", "offset", "include_public", "include_private", "search"})
FLAGS = {"true": True, "1": True, "false": False, "0": False}


@require_safe
def linked(request: HttpRequest, token: str, extension: str) -> HttpResponseBase:
    """`/images/{token}.{png|jpg|webp}`: whoever holds a live link may see the picture.

    A dead link still opens for those who may see the picture anyway. Anything else is the same
    404: forged, expired, revoked, deleted or lost.
    """
    image = sharing.open_link(token)
    if image is None:
        image = sharing.named_by(token)
        if image is None or not sharing.visible_to(image, _viewer(request)):
            raise NotFound(GONE)
    reply = files.picture(request, image, extension)
    reply["Cross-Origin-Resource-Policy"] = "cross-origin"
    return reply


class Gallery(APIView):
    required_scope: ClassVar = "read"

    def get(self, request: Request) -> Response:
        """A page of what the caller may see, newest first."""
        user, given = _user(request), request.query_params
        size = _whole(given, "limit", DEFAULT_PAGE, LARGEST_PAGE) or LARGEST_PAGE
        offset = _whole(given, "offset", 0, LARGEST_OFFSET)
        cursor, wanted = given.get("cursor"), _filter(given)
        page = queries.page_of(user, cursor, size, offset=offset, wanted=wanted)
        total = None if cursor else queries.count(user, wanted)
        base = sharing.base_url(request)
        body = shapes.listing(page, user, base, limit=size, offset=offset, total=total)
        ignored = ", ".join(sorted(set(given) - KNOWN))
        return Response(body, headers={"X-Ignored-Params": _ascii(ignored)} if ignored else None)


class Entry(APIView):
    required_scope: ClassVar = "read"

    def get(self, request: Request, image_id: UUID) -> Response:
        user = _user(request)
        return Response(shapes.item(queries.one(user, image_id), user, sharing.base_url(request)))

    def delete(self, request: Request, image_id: UUID) -> Response:
        """Deletes file, thumbnail and row. A key that may only read deletes nothing."""
        require(caller(request), "generate")
        storage.delete(queries.deletable(_user(request), image_id))
        return Response({"success": True, "id": str(image_id)})


class RecipeOf(APIView):
    required_scope: ClassVar = "read"

    def get(self, request: Request, image_id: UUID) -> Response:
        return Response(shapes.request_again(queries.one(_user(request), image_id)))


class File(APIView):
    required_scope: ClassVar = "read"

    def get(self, request: Request, image_id: UUID) -> HttpResponseBase:
        return files.picture(request, queries.one(_user(request), image_id))


class Thumbnail(APIView):
    required_scope: ClassVar = "read"

    def get(self, request: Request, image_id: UUID) -> HttpResponseBase:
        return files.thumbnail(request, queries.one(_user(request), image_id))


def _viewer(request: HttpRequest) -> User | None:
    """Who looks, where looking asks for nobody: bad credentials are as good as none."""
    try:
        identity = find(request)
    except Problem:
        return None
    return identity.user if identity and "read" in identity.scopes else None


def _user(request: Request) -> User:
    return caller(request).user


def _filter(given: QueryDict) -> Filter:
    search = given.get("search", "")
    if len(search) > LONGEST_SEARCH or "\x00" in search:
        raise Invalid(f"search: at most {LONGEST_SEARCH} characters.", param="search")
    return Filter(_flag(given, "include_public"), _flag(given, "include_private"), search)


def _flag(given: QueryDict, name: str) -> bool:
    text = given.get(name, "true").lower()
    if text not in FLAGS:
        raise Invalid(f"{name} must be true or false.", param=name)
    return FLAGS[text]


def _whole(given: QueryDict, name: str, default: int, most: int) -> int:
    text = given.get(name, str(default))
    # Digits of other scripts are numbers to int(); a long run of digits costs time to read.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        raise Invalid(f"{name} must be a whole number from 0 to {most}.", param=name)
    if int(text) > most:
        raise Invalid(f"{name} must be a whole number from 0 to {most}.", param=name)
    return int(text)


def _ascii(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)[:1000]
