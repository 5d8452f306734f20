import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from gallery import albums
from gallery.models import Album
from tests.gallery.api.test_curating import send
from tests.gallery.api.test_pictures import code
from tests.gallery.conftest import Keep, Signed

OF_ONE: list[tuple[str, str, Any]] = [
    ("GET", "/v1/albums/{}", None),
    ("PATCH", "/v1/albums/{}", {"name": "new"}),
    ("DELETE", "/v1/albums/{}", None),
    ("POST", "/v1/albums/{}/images", {"ids": [str(uuid.uuid4())]}),
    ("DELETE", "/v1/albums/{}/images", {"ids": [str(uuid.uuid4())]}),
    ("GET", "/v1/albums/{}/export", None),
    ("GET", "/v1/gallery?album={}", None),
]


def test_an_album_is_made_renamed_and_deleted(alice: User, signed: Signed) -> None:
    client = signed(alice)
    reply = send(client, "POST", "/v1/albums", {"name": "Best"})
    album = reply.json()
    assert (reply.status_code, album["name"], album["count"]) == (201, "Best", 0)
    here = f"/v1/albums/{album['id']}"
    assert send(client, "PATCH", here, {"name": "Rest"}).json()["name"] == "Rest"
    assert client.get("/v1/albums").json()["data"] == [client.get(here).json()]
    assert client.delete(here).json()["success"] is True
    assert code(client.get(here)) == (404, "not_found")


def test_a_name_that_is_taken_says_so(alice: User, signed: Signed) -> None:
    client = signed(alice)
    send(client, "POST", "/v1/albums", {"name": "Best"})
    assert code(send(client, "POST", "/v1/albums", {"name": "Best"})) == (400, "already_exists")


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": 5}, {"name": "x" * 101}, {"name": "x", "owner": 1}, []]
)
def test_bad_album_is_refused(alice: User, signed: Signed, body: Any) -> None:
    assert send(signed(alice), "POST", "/v1/albums", body).status_code == 400
    assert not Album.objects.exists()


def test_pictures_go_in_and_out(alice: User, bob: User, keep: Keep, signed: Signed) -> None:
    client, album = signed(alice), albums.make_album(alice, "Best")
    own, shared, private = keep(alice), keep(bob, is_public=True), keep(bob)
    ids = [str(image.pk) for image in (own, shared, private)]
    path = f"/v1/albums/{album.pk}/images"
    body = send(client, "POST", path, {"ids": ids}).json()
    assert [row["status"] for row in body["data"]] == ["done", "done", "not_found"]
    assert (body["added"], body["album"]["count"]) == (2, 2)
    listed = client.get(f"/v1/gallery?album={album.pk}").json()
    assert {item["id"] for item in listed["data"]} == set(ids[:2])
    assert listed["total"] == 2
    body = send(client, "DELETE", path, {"ids": ids}).json()
    assert [row["status"] for row in body["data"]] == ["done", "done", "not_found"]
    assert (body["removed"], body["album"]["count"]) == (2, 0)


@pytest.mark.parametrize("who", ["bob", "staff"])
@pytest.mark.parametrize(("method", "path", "body"), OF_ONE)
def test_anothers_album_is_as_unknown_as_none(
    alice: User, signed: Signed, request: pytest.FixtureRequest, who: str, method: str, path: str,
    body: Any,
) -> None:  # fmt: skip
    album, client = albums.make_album(alice, "Best"), signed(request.getfixturevalue(who))
    foreign = send(client, method, path.format(album.pk), body)
    unknown = send(client, method, path.format(uuid.uuid4()), body)
    assert code(foreign) == (404, "not_found")
    assert foreign.content == unknown.content
    assert albums.album_of(alice, album.pk).name == "Best"


@pytest.mark.parametrize(("method", "path", "body"), OF_ONE)
def test_scopes_are_asked_for(
    alice: User, signed: Signed, method: str, path: str, body: Any
) -> None:
    path = path.format(albums.make_album(alice, "Best").pk)
    assert send(Client(), method, path, body).status_code == 401
    assert send(signed(alice, "generate"), method, path, body).status_code == 403
    if method != "GET":
        assert send(signed(alice, "read"), method, path, body).status_code == 403
