import time
import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.audit import Action
from accounts.models import AuditEntry, User
from gallery import curating, sharing
from gallery.models import Image
from tests.gallery.api.test_pictures import code
from tests.gallery.conftest import Keep, Signed

JSON = "application/json"
CHANGES: list[tuple[str, str, Any]] = [
    ("PATCH", "/v1/gallery/{}", {"favourite": True}),
    ("PATCH", "/v1/gallery/{}/privacy", {"isPublic": True}),
    ("PATCH", "/v1/gallery/{}/tags", {"tags": ["x"]}),
]
OF_ALL: list[tuple[str, str, Any]] = [
    ("GET", "/v1/gallery/tags", None),
    ("GET", "/v1/gallery/config", None),
    ("POST", "/v1/gallery/bulk", {"ids": [str(uuid.uuid4())], "action": "keep"}),
    ("POST", "/v1/gallery/export", {"ids": [str(uuid.uuid4())]}),
]


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method.lower())(path, body, content_type=JSON)


def change(client: Client, image: Image, body: Any, what: str = "") -> Any:
    return send(client, "PATCH", f"/v1/gallery/{image.pk}{what}", body)


def test_share_lasts_as_long_as_was_said(alice: User, keep: Keep, signed: Signed) -> None:
    image, client = keep(alice), signed(alice)
    body = change(client, image, {"isPublic": True, "expiresInHours": 3}, "/privacy").json()
    assert (body["success"], body["isPublic"]) == (True, True)
    assert abs(body["expiresAt"] - time.time() - 3 * 3600) < 60
    assert body["image"]["id"] == str(image.pk)
    body = change(client, image, {"isPublic": False}, "/privacy").json()
    assert (body["isPublic"], body["expiresAt"]) == (False, None)


def test_share_lasts_a_week_unless_said_otherwise(alice: User, keep: Keep, signed: Signed) -> None:
    body = change(signed(alice), keep(alice), {"isPublic": True}, "/privacy").json()
    assert abs(body["expiresAt"] - time.time() - 168 * 3600) < 60


def test_change_of_privacy_is_written_down(alice: User, keep: Keep, signed: Signed) -> None:
    image = keep(alice)
    change(signed(alice), image, {"isPublic": True}, "/privacy")
    entry = AuditEntry.objects.get(action=Action.PRIVACY_CHANGED)
    assert (entry.actor_id, entry.target_id) == (alice.pk, str(image.pk))
    assert entry.key_prefix
    assert entry.detail["public"] is True


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "isPublic"),
        ({"isPublic": "true"}, "isPublic"),
        ({"isPublic": 1}, "isPublic"),
        ({"isPublic": None}, "isPublic"),
        ({"isPublic": True, "expiresInHours": 0}, "expiresInHours"),
        ({"isPublic": True, "expiresInHours": 169}, "expiresInHours"),
        ({"isPublic": True, "expiresInHours": 1.5}, "expiresInHours"),
        ({"isPublic": True, "expiresInHours": "3"}, "expiresInHours"),
        ({"isPublic": True, "expiresInHours": True}, "expiresInHours"),
        ({"isPublic": True, "owner": 2}, "owner"),
    ],
)
def test_bad_privacy_changes_nothing(
    alice: User, keep: Keep, signed: Signed, body: Any, param: str
) -> None:
    image = keep(alice)
    reply = change(signed(alice), image, body, "/privacy")
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    image.refresh_from_db()
    assert (image.is_public, image.visibility_version) == (False, 0)


def test_tags_are_kept_and_merged_ones_said(alice: User, keep: Keep, signed: Signed) -> None:
    image, client = keep(alice), signed(alice)
    body = change(client, image, {"tags": ["Sea", "sea", "boat"]}, "/tags").json()
    assert (body["tags"], body["merged"]) == (["boat", "sea"], ["sea"])
    assert body["image"]["tags"] == ["boat", "sea"]
    assert client.get("/v1/gallery/tags").json() == {
        "object": "list",
        "data": [{"name": "boat", "count": 1}, {"name": "sea", "count": 1}],
    }


@pytest.mark.parametrize(
    "tags", [["x" * 51], [f"t{n}" for n in range(21)], ["a\u0000b"], [1], "sea", None, [[]]]
)
def test_bad_tags_are_refused(alice: User, keep: Keep, signed: Signed, tags: Any) -> None:
    image = keep(alice)
    reply = change(signed(alice), image, {"tags": tags}, "/tags")
    assert reply.status_code == 400
    assert reply.json()["error"]["param"].startswith("tags")
    assert not image.tags.exists()


def test_list_is_filtered_by_tags(alice: User, keep: Keep, signed: Signed) -> None:
    both, one = keep(alice), keep(alice)
    curating.set_tags(both, ["red", "big"])
    curating.set_tags(one, ["red"])
    client = signed(alice)

    def ids(query: str) -> set[str]:
        return {item["id"] for item in client.get(f"/v1/gallery?{query}").json()["data"]}

    assert ids("tags=red") == {str(both.pk), str(one.pk)}
    assert ids("tags=RED,big") == {str(both.pk)}
    assert ids("tags=red,blue") == set()


def test_marks_are_kept_and_told_to_their_owner_alone(
    alice: User, bob: User, keep: Keep, signed: Signed
) -> None:
    image = keep(alice)
    body = change(signed(alice), image, {"favourite": True, "keep": True}).json()
    assert (body["image"]["favourite"], body["image"]["keep"]) == (True, True)
    sharing.set_privacy(image, public=True)
    item = signed(bob).get(f"/v1/gallery/{image.pk}").json()
    assert (item["favourite"], item["keep"]) == (False, False)
    assert signed(bob).get("/v1/gallery?favourite=true").json()["data"] == []


@pytest.mark.parametrize("body", [{"favourite": "yes"}, {"keep": 1}, {"prompt": "x"}, [], "x"])
def test_bad_marks_are_refused(alice: User, keep: Keep, signed: Signed, body: Any) -> None:
    assert change(signed(alice), keep(alice), body).status_code == 400


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_only_its_owner_changes_a_picture(
    alice: User,
    bob: User,
    staff: User,
    keep: Keep,
    signed: Signed,
    method: str,
    path: str,
    body: Any,
) -> None:
    private, public = keep(alice), keep(alice, is_public=True)
    answers = [
        send(signed(who), method, path.format(image.pk), body).status_code
        for who in (bob, staff)
        for image in (private, public)
    ]
    assert answers == [404, 403, 403, 403]
    assert Image.objects.filter(favourite=False, visibility_version=0, tags=None).count() == 2


def test_staff_may_end_a_share(alice: User, staff: User, keep: Keep, signed: Signed) -> None:
    image = keep(alice, is_public=True)
    assert change(signed(staff), image, {"isPublic": False}, "/privacy").status_code == 200
    image.refresh_from_db()
    assert not image.is_public


@pytest.mark.parametrize(("method", "path", "body"), CHANGES + OF_ALL[2:3])
def test_changing_needs_both_scopes(
    alice: User, keep: Keep, signed: Signed, method: str, path: str, body: Any
) -> None:
    path = path.format(keep(alice).pk)
    for scope in ("read", "generate"):
        assert send(signed(alice, scope), method, path, body).status_code == 403
    assert send(signed(alice), method, path, body).status_code == 200


@pytest.mark.parametrize(("method", "path", "body"), CHANGES + OF_ALL)
def test_nobody_gets_in_without_credentials(db: None, method: str, path: str, body: Any) -> None:
    reply = send(Client(), method, path.format(uuid.uuid4()), body)
    assert code(reply) == (401, "invalid_api_key")


def test_bulk_tells_what_became_of_each(alice: User, bob: User, keep: Keep, signed: Signed) -> None:
    own, foreign, nobodys = keep(alice), keep(bob), uuid.uuid4()
    ids = [str(own.pk), str(foreign.pk), str(nobodys)]
    body = send(signed(alice), "POST", "/v1/gallery/bulk", {"ids": ids, "action": "keep"}).json()
    assert (body["done"], [row["id"] for row in body["data"]]) == (1, ids)
    assert [row["status"] for row in body["data"]] == ["done", "not_found", "not_found"]
    assert body["data"][1]["message"] == body["data"][2]["message"]
    assert list(Image.objects.filter(keep=True)) == [own]


@pytest.mark.parametrize(
    "body",
    [
        {"ids": [], "action": "keep"},
        {"ids": ["x"], "action": "keep"},
        {"ids": [1], "action": "keep"},
        {"ids": "all", "action": "keep"},
        {"ids": [str(uuid.uuid4())] * 201, "action": "keep"},
        {"ids": [str(uuid.uuid4())], "action": "explode"},
        {"ids": [str(uuid.uuid4())]},
        {"ids": [str(uuid.uuid4())], "action": "tag"},
        {"ids": [str(uuid.uuid4())], "action": "keep", "owner": 2},
    ],
)
def test_bad_bulk_is_refused(alice: User, signed: Signed, body: Any) -> None:
    assert send(signed(alice), "POST", "/v1/gallery/bulk", body).status_code == 400


def test_config_tells_the_limits(alice: User, signed: Signed) -> None:
    body = signed(alice).get("/v1/gallery/config").json()
    assert (body["pageSize"], body["largestPage"]) == (50, 200)
    assert body["shareHours"] == {"shortest": 1, "longest": 168, "default": 168}
    assert "untag" in body["bulk"]["actions"]


def test_staff_who_look_closely_leave_one_trace_an_hour(
    alice: User, staff: User, keep: Keep, signed: Signed
) -> None:
    image, shared, client = keep(alice), keep(alice, is_public=True), signed(staff)
    for path in ("/v1/gallery/{}", "/v1/images/{}/file", "/v1/gallery/{}/recipe"):
        client.get(path.format(image.pk))
        client.get(path.format(shared.pk))
        signed(alice).get(path.format(image.pk))
    (entry,) = AuditEntry.objects.filter(action=Action.PRIVATE_PICTURE_VIEWED)
    assert (entry.actor_id, entry.target_id) == (staff.pk, str(image.pk))
    assert entry.detail == {"owner": alice.pk}


def test_staff_who_see_a_list_leave_no_trace(
    alice: User, staff: User, keep: Keep, signed: Signed
) -> None:
    image = keep(alice)
    signed(staff).get("/v1/gallery")
    signed(staff).get(f"/v1/images/{image.pk}/thumbnail")
    assert not AuditEntry.objects.filter(action=Action.PRIVATE_PICTURE_VIEWED).exists()


def test_a_dead_link_opened_by_staff_leaves_a_trace(
    alice: User, staff: User, keep: Keep, signed: Signed
) -> None:
    image = keep(alice)
    link = sharing.link(image)
    signed(staff).get(link)
    assert not AuditEntry.objects.filter(action=Action.PRIVATE_PICTURE_VIEWED).exists()
    sharing.set_privacy(image, public=False)
    assert signed(staff).get(link).status_code == 200
    assert AuditEntry.objects.filter(action=Action.PRIVATE_PICTURE_VIEWED).count() == 1


def test_staff_who_delete_leave_a_trace_and_owners_none(
    alice: User, staff: User, keep: Keep, signed: Signed
) -> None:
    mine, hers = keep(alice), keep(alice)
    signed(alice).delete(f"/v1/gallery/{mine.pk}")
    signed(staff).delete(f"/v1/gallery/{hers.pk}")
    (entry,) = AuditEntry.objects.filter(action=Action.PICTURE_DELETED)
    assert entry.target_id == str(hers.pk)


def test_metadata_is_the_whole_recipe(alice: User, keep: Keep, signed: Signed) -> None:
    image = keep(alice)
    reply = signed(alice).get(f"/v1/images/{image.pk}/metadata")
    assert reply.json() == image.recipe
