"""Albums in JSON."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.http.response import HttpResponseBase
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller, require
from accounts.models import User
from gallery import albums, archive, queries
from gallery.api import bodies, shapes
from gallery.models import Album, Image


class OfAlbums(APIView):
    required_scope: ClassVar = "read"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in SAFE_METHODS:
            require(caller(request), "generate")


class Albums(OfAlbums):
    def get(self, request: Request) -> Response:
        """One's own albums by name; there are never more than a page of them."""
        mine = albums.albums_of(_user(request))
        return Response({"object": "list", "data": [shapes.album(album) for album in mine]})

    def post(self, request: Request) -> Response:
        name = bodies.AlbumBody.read(request.data)["name"]
        made = albums.make_album(_user(request), name)
        return Response(shapes.album(_album(request, made.pk)), status=201)


class OneAlbum(OfAlbums):
    def get(self, request: Request, album_id: UUID) -> Response:
        return Response(shapes.album(_album(request, album_id)))

    def patch(self, request: Request, album_id: UUID) -> Response:
        album = _album(request, album_id)
        albums.rename(album, bodies.AlbumBody.read(request.data)["name"])
        return Response(shapes.album(album))

    def delete(self, request: Request, album_id: UUID) -> Response:
        """The album alone: its pictures stay."""
        albums.drop_album(_album(request, album_id))
        return Response({"success": True, "id": str(album_id)})


class AlbumImages(OfAlbums):
    def post(self, request: Request, album_id: UUID) -> Response:
        """Puts pictures in that one may see, and says of each id what became of it."""
        album, ids = _album(request, album_id), _ids(request)
        rows = Image.objects.filter(queries.visible("", _user(request))).in_bulk(ids)
        added = albums.add_to_album(album, [rows[key] for key in ids if key in rows])
        status = {key: "done" if key in rows else "not_found" for key in ids}
        return Response(_told(_album(request, album_id), status) | {"added": added})

    def delete(self, request: Request, album_id: UUID) -> Response:
        """Takes pictures out; the pictures themselves stay."""
        album, ids = _album(request, album_id), _ids(request)
        held = set(album.entries.filter(image__in=ids).values_list("image_id", flat=True))
        removed = albums.remove_from_album(album, ids)
        status = {key: "done" if key in held else "not_found" for key in ids}
        return Response(_told(_album(request, album_id), status) | {"removed": removed})


class AlbumExport(OfAlbums):
    def get(self, request: Request, album_id: UUID) -> HttpResponseBase:
        """A zip of the album's own and shared pictures, the latest addition first."""
        album, user = _album(request, album_id), _user(request)
        ids = list(album.entries.values_list("image_id", flat=True))
        return archive.reply(archive.exportable(user, ids), f"alice-album-{album.pk}")


def _user(request: Request) -> User:
    return caller(request).user


def _album(request: Request, album_id: UUID) -> Album:
    return albums.album_of(_user(request), album_id)


def _ids(request: Request) -> Sequence[UUID]:
    return list(dict.fromkeys(bodies.AlbumImagesBody.read(request.data)["ids"]))


def _told(album: Album, status: dict[UUID, str]) -> dict[str, Any]:
    data = [{"id": str(key), "status": word} for key, word in status.items()]
    return {"object": "list", "data": data, "album": shapes.album(album)}
