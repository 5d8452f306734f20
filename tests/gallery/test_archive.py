import io
import json
import uuid
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from accounts import keys
from accounts.models import User
from gallery import albums, archive, curating, sharing, storage
from gallery.models import Image
from tests.gallery.conftest import Keep


def opened(pieces: Iterable[bytes]) -> zipfile.ZipFile:
    found = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    assert found.testzip() is None
    return found


def exported(user: User, ids: Iterable[uuid.UUID]) -> tuple[zipfile.ZipFile, dict[str, Any]]:
    found = opened(archive.stream(archive.exportable(user, ids)))
    return found, json.loads(found.read("metadata.json"))


def test_an_archive_holds_pictures_recipes_and_facts(alice: User, keep: Keep) -> None:
    image = keep(alice, prompt="../../etc/passwd", seed=7)
    curating.set_tags(image, ["sea"])
    found, facts = exported(alice, [image.pk])
    assert sorted(found.namelist()) == sorted(
        [f"{image.pk}.png", f"{image.pk}.txt", "metadata.json"]
    )
    assert found.read(f"{image.pk}.png") == storage.read(image)
    assert b"../../etc/passwd\nNegative prompt: fog\nSteps: 20" in found.read(f"{image.pk}.txt")
    (entry,) = facts["images"]
    assert (entry["seed"], entry["tags"], entry["metadata"]) == (7, ["sea"], image.recipe)
    assert entry["sha256"] == image.sha256
    assert all(info.compress_type == zipfile.ZIP_STORED for info in found.infolist())


def test_only_own_and_shared_pictures_leave(
    alice: User, bob: User, staff: User, keep: Keep
) -> None:
    own, shared, private = keep(staff), keep(alice, is_public=True), keep(alice)
    found, facts = exported(staff, [own.pk, shared.pk, private.pk])
    assert {entry["id"] for entry in facts["images"]} == {str(own.pk), str(shared.pk)}
    assert facts["missing"] == [{"id": str(private.pk), "reason": "not_found"}]
    assert f"{private.pk}.png" not in found.namelist()


def test_a_share_that_ends_meanwhile_leaves_nothing(
    alice: User, bob: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "ROWS", 1)
    first, second = keep(bob), keep(alice, is_public=True)
    pieces = archive.stream(archive.exportable(bob, [first.pk, second.pk]))
    head = next(pieces)
    sharing.set_privacy(second, public=False)
    found = opened([head, *pieces])
    assert f"{second.pk}.png" not in found.namelist()


def test_what_is_deleted_meanwhile_is_said(alice: User, keep: Keep) -> None:
    first, second, third = keep(alice), keep(alice), keep(alice)
    pieces = archive.stream(archive.exportable(alice, [first.pk, second.pk, third.pk]))
    head = next(pieces)
    storage.delete(second)
    found = opened([head, *pieces])
    facts = json.loads(found.read("metadata.json"))
    assert [entry["id"] for entry in facts["images"]] == [str(first.pk), str(third.pk)]
    assert [entry["id"] for entry in facts["missing"]] == [str(second.pk)]


def test_a_lost_file_is_said(alice: User, keep: Keep, images_dir: Path) -> None:
    lost, kept = keep(alice), keep(alice)
    (images_dir / lost.file).unlink()
    _, facts = exported(alice, [lost.pk, kept.pk])
    assert [entry["id"] for entry in facts["missing"]] == [str(lost.pk)]
    assert len(facts["images"]) == 1


def test_a_foreign_recipe_is_told_as_it_is(alice: User, keep: Keep) -> None:
    image = keep(alice, recipe={"from": "elsewhere"})
    found, _ = exported(alice, [image.pk])
    assert json.loads(found.read(f"{image.pk}.txt")) == {"from": "elsewhere"}


def client_of(user: User) -> AsyncClient:
    secret = keys.mint(user, "test", ["read"])[1]
    return AsyncClient(AUTHORIZATION=f"Bearer {secret}")


async def body_of(reply: Any) -> zipfile.ZipFile:
    return opened([piece async for piece in reply.streaming_content])


@pytest.mark.django_db(transaction=True)
async def test_an_archive_is_sent_as_it_is_made(alice: User, keep: Keep) -> None:
    images: list[Image] = [await sync_to_async(keep)(alice) for _ in range(3)]
    client = await sync_to_async(client_of)(alice)
    body = {"ids": [str(image.pk) for image in images]}
    reply = await client.post("/v1/gallery/export", body, content_type="application/json")
    assert reply["Content-Type"] == "application/zip"
    assert reply["Content-Disposition"].startswith('attachment; filename="alice-')
    assert len((await body_of(reply)).namelist()) == 7


@pytest.mark.django_db(transaction=True)
async def test_an_album_is_sent_whole(alice: User, keep: Keep) -> None:
    image = await sync_to_async(keep)(alice)
    album = await sync_to_async(albums.make_album)(alice, "Best")
    await sync_to_async(albums.add_to_album)(album, [image])
    client = await sync_to_async(client_of)(alice)
    found = await body_of(await client.get(f"/v1/albums/{album.pk}/export"))
    assert f"{image.pk}.png" in found.namelist()


@pytest.mark.django_db(transaction=True)
async def test_nothing_to_export_is_a_404(alice: User, bob: User, keep: Keep) -> None:
    image = await sync_to_async(keep)(bob)
    client = await sync_to_async(client_of)(alice)
    for key in (image.pk, uuid.uuid4()):
        body = {"ids": [str(key)]}
        reply = await client.post("/v1/gallery/export", body, content_type="application/json")
        assert reply.status_code == 404
