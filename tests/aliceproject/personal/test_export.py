"""Everything of one person, nothing of anybody else's, and no secret."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import ApiKey, AuditEntry, Invite, Session, User
from aliceproject.personal import export
from gallery.models import Image
from tests.aliceproject.personal.conftest import Furnish, Keep

pytestmark = pytest.mark.django_db


def opened(user: User) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(export.pieces(user))))


def part(archive: zipfile.ZipFile, name: str) -> Any:
    return json.loads(archive.read(f"{name}.json"))


def test_an_export_holds_every_picture_as_it_is(alice: User, furnish: Furnish) -> None:
    furnish(alice)
    archive = opened(alice)
    assert archive.testzip() is None
    told = part(archive, "pictures")
    assert {one["id"] for one in told} == {str(image.pk) for image in Image.objects.all()}
    for one in told:
        assert hashlib.sha256(archive.read(one["file"])).hexdigest() == one["sha256"]
    assert sorted(one["tags"] for one in told) == [[], [], ["boat", "sea"]]
    assert {one["recipe"]["prompt"] for one in told} == {f"alice's boat {n}" for n in range(3)}


def test_an_export_tells_all_the_rest(alice: User, furnish: Furnish) -> None:
    furnish(alice)
    archive = opened(alice)
    profile = part(archive, "profile")
    assert (profile["username"], profile["retentionDays"]) == ("alice", 30)
    [album], [key] = part(archive, "albums"), part(archive, "keys")
    assert (album["name"], len(album["pictures"]), key["name"]) == ("boats", 2, "laptop")
    assert {job["status"] for job in part(archive, "jobs")} == {"succeeded", "queued"}
    assert "key_revoked" in [entry["action"] for entry in part(archive, "audit")]
    assert len(part(archive, "sessions")) == 1
    assert part(archive, "identities")[0]["issuer"] == "https://id.example"
    [asked], [invite] = part(archive, "registration"), part(archive, "invites")
    assert (asked["status"], invite["note"], invite["uses"]) == ("approved", "alice's choir", 1)


def test_an_export_holds_nothing_of_others_and_no_secret(
    alice: User, bob: User, furnish: Furnish
) -> None:
    furnish(alice)
    furnish(bob)
    archive = opened(alice)
    text = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".json"))
    assert len([name for name in archive.namelist() if name.endswith(".png")]) == 3
    secrets = [*ApiKey.objects.values_list("digest", flat=True)]
    secrets += [*Invite.objects.values_list("digest", flat=True)]
    secrets += [*Session.objects.values_list("session_key", flat=True), alice.password]
    assert [word for word in (*secrets, "bob") if word.encode() in text] == []


def test_a_lost_picture_is_named(alice: User, keep: Keep, images_dir: Path) -> None:
    image, whole = keep(alice), keep(alice)
    (images_dir / image.file).unlink()
    archive = opened(alice)
    assert part(archive, "missing") == [{"id": str(image.pk), "reason": "not_found"}]
    assert [name for name in archive.namelist() if name.endswith(".png")] == [
        f"pictures/{whole.pk}.png"
    ]


def test_rows_are_read_by_pages(alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ROWS", 2)
    for _ in range(5):
        keep(alice)
    assert len(part(opened(alice), "pictures")) == 5


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL takes no such text")
def test_half_a_surrogate_pair_breaks_nothing(alice: User, keep: Keep) -> None:
    image = keep(alice)
    Image.objects.filter(pk=image.pk).update(recipe={"prompt": "\ud800 boat"})
    assert part(opened(alice), "pictures")[0]["recipe"]["prompt"] == "? boat"


def test_the_summary_counts_the_same(alice: User, furnish: Furnish) -> None:
    furnish(alice)
    size = sum(image.size_bytes for image in Image.objects.all())
    assert export.summary(alice) == {
        "pictures": 3, "bytes": size, "albums": 1, "jobs": 2, "keys": 1,
    }  # fmt: skip


def test_the_command_writes_a_new_file_only(alice: User, keep: Keep, tmp_path: Path) -> None:
    keep(alice)
    target = tmp_path / "alice.zip"
    call_command("export_user", "alice", target)
    assert zipfile.ZipFile(target).testzip() is None
    assert AuditEntry.objects.filter(action="data_exported").count() == 1
    with pytest.raises(CommandError):
        call_command("export_user", "alice", target)
