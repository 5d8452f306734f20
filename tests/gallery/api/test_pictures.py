import time
import uuid
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image as Pillow
from pytest_django import Settings

from accounts.local import local_user
from accounts.models import AuditEntry, User
from gallery import queries, sharing, storage
from gallery.models import Image
from tests.gallery.conftest import Keep, Signed

ITEM = {
    "id", "filename", "url", "thumbnailUrl", "isPublic", "createdAt", "expiresAt", "isOwner",
    "prompt", "negativePrompt", "model", "steps", "guidanceScale", "width", "height", "seed",
    "scheduler", "generationTime", "loras", "loraScales", "tags", "favourite", "keep", "metadata",
}  # fmt: skip
OF_ONE = [
    ("GET", "/v1/gallery/{}"),
    ("GET", "/v1/gallery/{}/recipe"),
    ("GET", "/v1/images/{}/file"),
    ("GET", "/v1/images/{}/thumbnail"),
    ("DELETE", "/v1/gallery/{}"),
]


def ask(client: Client, method: str, path: str, image: Image | uuid.UUID) -> Any:
    key = image.pk if isinstance(image, Image) else image
    return client.generic(method, path.format(key))


def code(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]


def test_item_has_the_fields_clients_know(alice: User, keep: Keep, signed: Signed) -> None:
    image = keep(alice, seed=7)
    item = signed(alice).get(f"/v1/gallery/{image.pk}").json()
    assert set(item) == ITEM
    assert (item["seed"], item["steps"], item["scheduler"]) == (7, 20, "euler_a")
    assert (item["isOwner"], item["isPublic"], item["expiresAt"]) == (True, False, None)
    assert item["generationTime"] == 1.5
    assert abs(item["createdAt"] - time.time()) < 60


def test_url_of_an_item_opens_without_credentials(alice: User, keep: Keep, signed: Signed) -> None:
    image = keep(alice)
    url = signed(alice).get(f"/v1/gallery/{image.pk}").json()["url"]
    assert url.startswith("http://testserver/images/")
    assert Client().get(url).content == storage.read(image)


def test_thumbnail_url_of_an_item_opens_with_the_key(
    alice: User, keep: Keep, signed: Signed
) -> None:
    client, image = signed(alice), keep(alice)
    reply = client.get(client.get(f"/v1/gallery/{image.pk}").json()["thumbnailUrl"])
    assert reply["Content-Type"] == "image/webp"
    assert reply.content == storage.read_thumbnail(image)


def test_list_has_its_shape(alice: User, keep: Keep, signed: Signed) -> None:
    images = [keep(alice, age=age) for age in (1, 2, 3)]
    body = signed(alice).get("/v1/gallery?limit=2").json()
    assert (body["object"], body["total"], body["limit"], body["offset"]) == ("list", 3, 2, 0)
    assert [item["id"] for item in body["data"]] == [str(image.pk) for image in images[:2]]


def test_list_goes_on_at_its_cursor(alice: User, keep: Keep, signed: Signed) -> None:
    images, client = [keep(alice, age=age) for age in (1, 2, 3)], signed(alice)
    cursor = client.get("/v1/gallery?limit=2").json()["nextCursor"]
    rest = client.get("/v1/gallery", {"limit": 2, "cursor": cursor}).json()
    assert [item["id"] for item in rest["data"]] == [str(images[2].pk)]
    assert (rest["nextCursor"], rest["total"]) == (None, None)


def test_list_takes_offset_search_and_privacy(alice: User, keep: Keep, signed: Signed) -> None:
    keep(alice, prompt="a red boat", age=1)
    keep(alice, prompt="a red house", age=2, is_public=True)
    client = signed(alice)

    def prompts(query: str) -> list[str]:
        return [i["prompt"] for i in client.get(f"/v1/gallery?{query}").json()["data"]]

    assert prompts("offset=1") == prompts("include_private=false") == ["a red house"]
    assert prompts("search=BOAT") == prompts("include_public=0") == ["a red boat"]
    assert prompts("include_public=false&include_private=false") == []


def test_an_offset_goes_on_in_the_cursor_and_nowhere_else(
    alice: User, keep: Keep, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WINDOW", "SECONDS", "STEP"):
        monkeypatch.setattr(queries, name, 0)
    images, client = [keep(alice, prompt="zq", age=age) for age in range(5)], signed(alice)
    asked: dict[str, Any] = {"q": "zq", "offset": 3, "limit": 1}
    first = client.get("/v1/gallery", asked).json()
    assert (first["data"], first["offset"]) == ([], 3)
    both = client.get("/v1/gallery", asked | {"cursor": first["nextCursor"]})
    assert (both.status_code, both.json()["error"]["param"]) == (400, "offset")
    seen, page = [], first
    while page["nextCursor"]:
        page = client.get("/v1/gallery", {"q": "zq", "cursor": page["nextCursor"]}).json()
        seen += page["data"]
    assert [item["id"] for item in seen] == [str(image.pk) for image in images[3:]]


def test_limit_zero_means_the_largest_page(alice: User, signed: Signed) -> None:
    assert signed(alice).get("/v1/gallery?limit=0").json()["limit"] == 200


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=1e3", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("offset=10001", "offset"),
        ("offset=-1", "offset"),
        ("cursor=nonsense", "cursor"),
        ("include_public=maybe", "include_public"),
        ("include_private=2", "include_private"),
        ("search=" + "x" * 201, "search"),
        ("search=a%00b", "search"),
    ],
)
def test_bad_query_names_its_parameter(alice: User, signed: Signed, query: str, param: str) -> None:
    reply = signed(alice).get(f"/v1/gallery?{query}")
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param


def test_unknown_query_parameter_is_named(alice: User, signed: Signed) -> None:
    reply = signed(alice).get("/v1/gallery?tags=x&page=2&é=1")
    assert reply["X-Ignored-Params"] == "page, ?"


def test_list_costs_the_same_for_many(alice: User, keep: Keep, signed: Signed) -> None:
    client = signed(alice)
    costs = []
    for _ in range(2):
        for _ in range(4):
            keep(alice)
        with CaptureQueriesContext(connection) as asked:
            client.get("/v1/gallery")
        costs.append(len(asked))
    assert costs[0] >= costs[1]


def test_recipe_makes_the_picture_again(alice: User, keep: Keep, signed: Signed) -> None:
    image = keep(alice, seed=99)
    again = signed(alice).get(f"/v1/gallery/{image.pk}/recipe").json()
    assert again == {
        "prompt": "a serene mountain landscape at sunset",
        "negative_prompt": "fog",
        "model": "sd/demo",
        "width": 64,
        "height": 64,
        "num_inference_steps": 20,
        "guidance_scale": 7.5,
        "scheduler": "euler_a",
        "seed": 99,
        "clip_skip": 0,
        "n": 1,
    }


def test_owner_deletes(alice: User, keep: Keep, signed: Signed, images_dir: Path) -> None:
    image, client = keep(alice), signed(alice)
    assert client.delete(f"/v1/gallery/{image.pk}").json()["success"] is True
    assert code(client.get(f"/v1/gallery/{image.pk}")) == (404, "not_found")
    assert not [path for path in images_dir.rglob("*") if path.is_file()]


def test_staff_deletes(alice: User, staff: User, keep: Keep, signed: Signed) -> None:
    image = keep(alice)
    assert signed(staff).delete(f"/v1/gallery/{image.pk}").status_code == 200
    assert not Image.objects.exists()


def test_key_that_may_only_read_deletes_nothing(alice: User, keep: Keep, signed: Signed) -> None:
    image = keep(alice)
    reply = signed(alice, "read").delete(f"/v1/gallery/{image.pk}")
    assert code(reply) == (403, "permission_denied")
    assert Image.objects.filter(pk=image.pk).exists()


def test_shared_picture_is_not_deleted_by_others(
    alice: User, bob: User, keep: Keep, signed: Signed
) -> None:
    image = keep(alice, is_public=True)
    assert code(signed(bob).delete(f"/v1/gallery/{image.pk}")) == (403, "permission_denied")
    assert storage.read(image)


@pytest.mark.parametrize(("method", "path"), OF_ONE)
def test_foreign_picture_is_as_unknown_as_no_picture(
    alice: User, bob: User, keep: Keep, signed: Signed, method: str, path: str
) -> None:
    image, client = keep(alice), signed(bob)
    foreign = ask(client, method, path, image)
    unknown = ask(client, method, path, uuid.uuid4())
    assert code(foreign) == (404, "not_found")
    assert foreign.content == unknown.content
    assert Image.objects.filter(pk=image.pk).exists()


@pytest.mark.parametrize(("method", "path"), OF_ONE)
def test_nobody_gets_in_without_credentials(
    alice: User, keep: Keep, method: str, path: str
) -> None:
    image = keep(alice, is_public=True)
    reply = ask(Client(), method, path, image)
    assert code(reply) == (401, "invalid_api_key")
    assert reply["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), OF_ONE)
def test_key_without_the_scope_gets_nothing(
    alice: User, keep: Keep, signed: Signed, method: str, path: str
) -> None:
    reply = ask(signed(alice, "generate"), method, path, keep(alice))
    assert code(reply) == (403, "permission_denied")


@pytest.mark.parametrize("id", ["1", "../etc", "%2e%2e", "a" * 36, "g" * 8])
def test_odd_id_is_nothing_here(alice: User, signed: Signed, id: str) -> None:
    assert signed(alice).get(f"/v1/gallery/{id}").status_code == 404


def test_bob_never_lists_alices_pictures(
    alice: User, bob: User, keep: Keep, signed: Signed
) -> None:
    image = keep(alice, prompt="alice's secret")
    for query in ("", "?search=secret", "?include_public=1&limit=200", "?offset=0"):
        reply = signed(bob).get(f"/v1/gallery{query}")
        assert (reply.json()["data"], reply.json()["total"]) == ([], 0)
        assert str(image.pk) not in reply.content.decode()


def test_shared_picture_is_seen_by_others_until_it_ends(
    alice: User, bob: User, keep: Keep, signed: Signed
) -> None:
    image, client = keep(alice), signed(bob)
    sharing.set_privacy(image, public=True, hours=1)
    item = client.get(f"/v1/gallery/{image.pk}").json()
    assert (item["isPublic"], item["isOwner"]) == (True, False)
    assert item["expiresAt"] > time.time()
    sharing.set_privacy(image, public=False)
    assert client.get(f"/v1/gallery/{image.pk}").status_code == 404


def test_link_needs_no_credentials_and_says_how_to_keep_it(alice: User, keep: Keep) -> None:
    image = keep(alice)
    reply = Client().get(sharing.link(image))
    assert reply["Content-Type"] == "image/png"
    assert reply["Cache-Control"] == "private, no-cache"
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert reply["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert int(reply.headers.get("Content-Length", image.size_bytes)) == image.size_bytes


@pytest.mark.parametrize(("fmt", "kind"), [("jpeg", "JPEG"), ("webp", "WEBP")])
def test_link_gives_the_format_of_its_name(alice: User, keep: Keep, fmt: str, kind: str) -> None:
    reply = Client().get(sharing.link(keep(alice), fmt))
    assert reply["Content-Type"] == f"image/{fmt}"
    with Pillow.open(BytesIO(reply.content)) as picture:
        assert picture.format == kind


def test_unchanged_picture_is_not_sent_again(alice: User, keep: Keep, images_dir: Path) -> None:
    image = keep(alice)
    link = sharing.link(image)
    etag = Client().get(link)["ETag"]
    # Not even read again.
    (images_dir / image.file).unlink()
    reply = Client().get(link, headers={"If-None-Match": etag})
    assert (reply.status_code, reply.content) == (304, b"")
    assert reply["Cache-Control"] == "private, no-cache"


def test_etag_differs_by_format(alice: User, keep: Keep) -> None:
    image = keep(alice)
    etags = {Client().get(sharing.link(image, fmt))["ETag"] for fmt in ("png", "jpeg", "webp")}
    assert len(etags) == 3


def test_revoked_link_is_dead_even_for_a_browser_that_kept_the_picture(
    alice: User, keep: Keep
) -> None:
    image = keep(alice)
    link = sharing.link(image)
    etag = Client().get(link)["ETag"]
    sharing.set_privacy(image, public=False)
    assert Client().get(link, headers={"If-None-Match": etag}).status_code == 404


def test_head_sends_no_body(alice: User, keep: Keep) -> None:
    reply = Client().head(sharing.link(keep(alice)))
    assert (reply.status_code, reply.content) == (200, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_link_is_only_for_looking(alice: User, keep: Keep, method: str) -> None:
    image = keep(alice)
    assert Client().generic(method, sharing.link(image)).status_code == 405
    assert storage.read(image)


def test_every_dead_link_is_the_same_404(
    alice: User, keep: Keep, images_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revoked, deleted, lost, expired = (keep(alice) for _ in range(4))
    links = [sharing.link(image) for image in (revoked, deleted, lost)]
    sharing.set_privacy(revoked, public=False)
    storage.delete(deleted)
    (images_dir / lost.file).unlink()
    with monkeypatch.context() as past:
        past.setattr(time, "time", lambda: 1_000_000_000)
        links.append(sharing.link(expired))
    links += ["/images/" + "A" * 32 + ".x.png", "/images/x.png"]
    replies = [Client().get(link) for link in links]
    assert {reply.status_code for reply in replies} == {404}
    assert len({reply.content for reply in replies}) == 1


@pytest.mark.parametrize("name", ["x.gif", "x.png/..", "..%2f..%2fetc%2fpasswd", "x", ".png"])
def test_odd_file_name_is_nothing_here(db: None, name: str) -> None:
    assert Client().get(f"/images/{name}").status_code == 404


def test_dead_link_still_opens_for_whom_the_picture_is(
    alice: User, bob: User, staff: User, keep: Keep, signed: Signed
) -> None:
    image = keep(alice)
    link = sharing.link(image)
    sharing.set_privacy(image, public=False)
    session = Client()
    session.force_login(alice)
    opened = {
        "owner": session.get(link).status_code,
        "key": signed(alice).get(link).status_code,
        "staff": signed(staff).get(link).status_code,
        "bob": signed(bob).get(link).status_code,
        "no scope": signed(alice, "generate").get(link).status_code,
        "bad key": Client(headers={"X-Api-Key": "wrong"}).get(link).status_code,
    }
    assert opened == {
        "owner": 200, "key": 200, "staff": 200, "bob": 404, "no scope": 404, "bad key": 404,
    }  # fmt: skip


def test_session_reads_but_deletes_only_with_its_token(alice: User, keep: Keep) -> None:
    image, client = keep(alice), Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.get(f"/v1/images/{image.pk}/file").status_code == 200
    assert code(client.delete(f"/v1/gallery/{image.pk}")) == (403, "csrf_failed")
    assert Image.objects.filter(pk=image.pk).exists()


def test_without_authentication_the_gallery_is_that_of_local(
    alice: User, keep: Keep, settings: Settings
) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    foreign, own = keep(alice), keep(local_user())
    client = Client(headers={"Authorization": "Bearer nonsense"})
    assert [i["id"] for i in client.get("/v1/gallery").json()["data"]] == [str(own.pk)]
    assert client.get(f"/v1/images/{foreign.pk}/file").status_code == 404


@pytest.mark.parametrize("path", ["/v1/gallery/", "/v1/gallery/{}/", "/v1/images/{}/file/"])
def test_slash_at_the_end_is_no_matter(alice: User, keep: Keep, signed: Signed, path: str) -> None:
    assert ask(signed(alice), "GET", path, keep(alice)).status_code == 200


def test_failing_disk_is_503_and_says_when_to_ask_again(
    alice: User, keep: Keep, images_dir: Path
) -> None:
    image = keep(alice)
    (images_dir / image.file).unlink()
    (images_dir / image.file).mkdir()
    reply = Client().get(sharing.link(image))
    assert code(reply) == (503, "storage_unavailable")
    assert 1 <= int(reply["Retry-After"]) <= 60


def test_staff_get_no_link_that_leaves_no_trace(
    alice: User, staff: User, keep: Keep, signed: Signed
) -> None:
    private, shared = keep(alice, age=1), keep(alice, age=2, is_public=True)
    client = signed(staff)
    urls = {item["id"]: item["url"] for item in client.get("/v1/gallery").json()["data"]}
    assert urls[str(private.pk)] == f"http://testserver/v1/images/{private.pk}/file"
    assert urls[str(shared.pk)].startswith("http://testserver/images/")
    assert Client().get(urls[str(private.pk)]).status_code == 401
    assert client.get(urls[str(private.pk)]).status_code == 200
    [entry] = AuditEntry.objects.filter(action="private_picture_viewed")
    assert (entry.actor_id, entry.target_id) == (staff.pk, str(private.pk))
