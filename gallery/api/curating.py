"""Changing the gallery, in JSON: privacy, tags, marks, many pictures at once, taking them away."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.callers import source
from accounts.authentication import caller, require
from accounts.origin import base_url
from gallery import albums, archive, bulk, curating, filtering, queries, sharing
from gallery.api import bodies, shapes
from gallery.models import Image
from gallery.places import LARGEST_OFFSET


class Changing(APIView):
    """Looking needs the scope `read`; a key that may only read changes nothing."""

    required_scope: ClassVar = "generate"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require(caller(request), "read")


class Privacy(Changing):
    def patch(self, request: Request, image_id: UUID) -> Response:
        """Share for 1..168 hours, or end the share; every earlier link dies."""
        image, body = _image(request, image_id), bodies.PrivacyBody.read(request.data)
        public, hours = body["isPublic"], body["expiresInHours"]
        sharing.set_privacy(image, public=public, hours=hours, by=source(request))
        shown = _shown(request, image)
        told = {name: shown[name] for name in ("isPublic", "expiresAt")}
        return Response({"success": True, **told, "image": shown})


class TagsOf(Changing):
    def patch(self, request: Request, image_id: UUID) -> Response:
        """These tags and no others; `merged` names those that were given more than once."""
        image, body = _image(request, image_id), bodies.TagsBody.read(request.data)
        tags = curating.set_tags(image, body["tags"], source(request))
        reply = {"success": True, "tags": sorted(tags.names), "merged": list(tags.merged)}
        return Response(reply | {"image": _shown(request, image)})


class Bulk(Changing):
    def post(self, request: Request) -> Response:
        """One deed on up to 200 pictures; what became of each, in the order of `ids`."""
        body = bodies.BulkBody.read(request.data)
        outcomes = bulk.apply(
            caller(request).user,
            body["ids"],
            bulk.Action(body["action"]),
            source(request),
            hours=body["expiresInHours"],
            tags=body["tags"],
        )
        results = [{"id": str(o.id), "status": o.status, "message": o.message} for o in outcomes]
        done = sum(outcome.status == "done" for outcome in outcomes)
        return Response({"object": "list", "action": body["action"], "done": done, "data": results})


class Tags(APIView):
    required_scope: ClassVar = "read"

    def get(self, request: Request) -> Response:
        counts = curating.tag_counts(caller(request).user)
        return Response(
            {"object": "list", "data": [{"name": name, "count": count} for name, count in counts]}
        )


class Config(APIView):
    """The limits a client of the gallery has to know."""

    required_scope: ClassVar = "read"

    def get(self, request: Request) -> Response:
        return Response(
            {
                "pageSize": shapes.DEFAULT_PAGE,
                "largestPage": queries.LARGEST_PAGE,
                "largestOffset": LARGEST_OFFSET,
                "longestSearch": filtering.LONGEST_SEARCH,
                "shareHours": {
                    "shortest": sharing.SHORTEST_HOURS,
                    "longest": sharing.LONGEST_HOURS,
                    "default": sharing.DEFAULT_HOURS,
                },
                "tags": {"most": curating.MOST_TAGS, "longest": curating.LONGEST_TAG},
                "albums": {"most": albums.MOST_ALBUMS, "largest": albums.LARGEST_ALBUM},
                "bulk": {"largest": bulk.LARGEST, "actions": [*bulk.Action]},
                "export": {"largest": archive.LARGEST},
                "linkSeconds": settings.ALICE_LINK_SECONDS,
            }
        )


class Export(APIView):
    required_scope: ClassVar = "read"

    def post(self, request: Request) -> HttpResponseBase:
        """A zip of own and shared pictures with their recipes, sent as it is made."""
        ids, user = bodies.ExportBody.read(request.data)["ids"], caller(request).user
        return archive.reply(archive.exportable(user, archive.some_of(user, ids)))


def _image(request: Request, image_id: UUID) -> Image:
    return queries.one(caller(request).user, image_id)


def _shown(request: Request, image: Image) -> dict[str, Any]:
    return shapes.item(image, caller(request).user, base_url(request))
