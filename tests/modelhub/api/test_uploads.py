"""Sending a model in parts: what arrives, what is refused, what never happens to other files."""

import errno
import fcntl
import hashlib
import os
import pickle
import threading
from collections import namedtuple
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import keys
from accounts.models import AuditEntry, User
from modelhub.models import CatalogModel, Download, Upload
from modelhub.uploads import parts, sending
from tests.attacks.in_files import Trap, zipped
from tests.modelhub.programs import LORA, UPLOADS, Sender, files, weights

pytestmark = pytest.mark.django_db
MODEL = weights()
BODY = {"filename": "a.safetensors", "sizeBytes": 9, "sha256": "0" * 64}


def test_a_file_sent_in_parts_lies_among_the_models(sender: Sender, models_dir: Path) -> None:
    reply = sender.send(MODEL)
    assert reply.status_code == 200, reply.content
    told = reply.json()
    assert (told["sha256"], told["kind"]) == (hashlib.sha256(MODEL).hexdigest(), "checkpoint")
    assert files(models_dir) == {"lake.safetensors": MODEL}
    row = CatalogModel.objects.get(path="lake.safetensors")
    assert (told["model"], row.sha256) == (row.public_id, told["sha256"])
    assert not Upload.objects.exists()


def test_a_lora_lies_among_loras(sender: Sender, models_dir: Path) -> None:
    assert sender.send(LORA, "ink.safetensors").json()["kind"] == "lora"
    assert files(models_dir) == {"loras/ink.safetensors": LORA}


def test_the_log_says_who_sent_what(sender: Sender, staff: User) -> None:
    sender.send(MODEL)
    entry = AuditEntry.objects.get(action="model_uploaded")
    assert (entry.actor_id, entry.detail["name"]) == (staff.pk, "lake.safetensors")
    assert entry.detail["sha256"] == hashlib.sha256(MODEL).hexdigest()


def test_a_start_says_what_goes_on(sender: Sender, settings: Settings) -> None:
    settings.ALICE_MAX_BODY_MB = 1
    told = sender.start(MODEL)
    assert (told["receivedBytes"], told["sizeBytes"]) == (0, len(MODEL))
    assert told["partBytes"] == 2**20
    assert sender.get(f"{UPLOADS}/{told['id']}").json() == told
    assert sender.get(UPLOADS).json() == {"object": "list", "data": [told]}


def test_a_part_that_is_here_is_answered_with_the_state(sender: Sender, models_dir: Path) -> None:
    pk = sender.start(MODEL)["id"]
    assert sender.part(pk, 0, MODEL[:500]).json()["receivedBytes"] == 500
    again = sender.part(pk, 0, b"x" * 500)
    assert (again.status_code, again.json()["receivedBytes"]) == (200, 500)
    assert sender.part(pk, 500, MODEL[500:]).json()["receivedBytes"] == len(MODEL)
    assert sender.complete(pk).status_code == 200


@pytest.mark.parametrize(
    ("offset", "length", "code"),
    [
        (0, 600, "wrong_offset"), (501, 10, "wrong_offset"), (499, 2, "wrong_offset"),
        (10**9, 1, "wrong_offset"), (500, 0, "invalid_value"), (500, 10**4, "invalid_value"),
        (-1, 10, "invalid_value"), (2**70, 10, "invalid_value"),
    ],
)  # fmt: skip
def test_a_part_that_does_not_fit_is_refused(
    sender: Sender, offset: int, length: int, code: str
) -> None:
    pk = sender.start(MODEL)["id"]
    sender.part(pk, 0, MODEL[:500])
    reply = sender.part(pk, offset, bytes(length))
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, code)
    assert sender.get(f"{UPLOADS}/{pk}").json()["receivedBytes"] == 500


@pytest.mark.parametrize("query", ["", "?offset=", "?offset=x", "?offset=0&to=9", "?offset=1.5"])
def test_an_offset_is_a_number(sender: Sender, query: str) -> None:
    pk = sender.start(MODEL)["id"]
    reply = sender.put(f"{UPLOADS}/{pk}{query}", b"x", "application/octet-stream")
    assert reply.status_code == 400


def test_a_part_is_bytes_and_nothing_else(sender: Sender) -> None:
    pk = sender.start(MODEL)["id"]
    reply = sender.put(f"{UPLOADS}/{pk}?offset=0", "{}", "application/json")
    assert reply.status_code == 415


def test_what_a_writer_that_died_left_counts_for_nothing(sender: Sender, models_dir: Path) -> None:
    pk = sender.start(MODEL)["id"]
    sender.part(pk, 0, MODEL[:500])
    with (models_dir / ".uploads" / f"{pk}.safetensors").open("ab") as file:
        file.write(b"half a part, never acknowledged")
    sender.part(pk, 500, MODEL[500:])
    assert sender.complete(pk).status_code == 200
    assert files(models_dir) == {"lake.safetensors": MODEL}


def test_while_one_writes_the_other_is_told_to_wait(sender: Sender, models_dir: Path) -> None:
    half, whole = sender.start(MODEL)["id"], sender.start(MODEL, "whole.safetensors")["id"]
    sender.part(half, 0, MODEL[:500])
    sender.part(whole, 0, MODEL)
    with ExitStack() as stack:
        for pk in (half, whole):
            file = stack.enter_context((models_dir / ".uploads" / f"{pk}.safetensors").open("ab"))
            fcntl.flock(file, fcntl.LOCK_EX)
        replies = [
            sender.part(half, 500, MODEL[500:]), sender.complete(whole),
            sender.delete(f"{UPLOADS}/{half}"),
        ]  # fmt: skip
    assert [reply.json()["error"]["code"] for reply in replies] == ["upload_busy"] * 3
    assert [reply["Retry-After"] for reply in replies] == ["1"] * 3


@pytest.mark.django_db(transaction=True)
def test_of_many_who_send_one_part_one_wins(sender: Sender, models_dir: Path) -> None:
    pk, start, statuses = sender.start(MODEL)["id"], threading.Barrier(6), []

    def send() -> None:
        start.wait()
        statuses.append(sender.part(pk, 0, MODEL).status_code)
        connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    assert sender.complete(pk).status_code == 200
    assert files(models_dir) == {"lake.safetensors": MODEL}


def test_a_completion_is_told_again(sender: Sender, models_dir: Path, bob: User) -> None:
    pk = sender.start(LORA, "ink.safetensors")["id"]
    sender.part(pk, 0, LORA)
    told, again = sender.complete(pk), sender.complete(pk)
    assert (again.status_code, again.json()) == (200, told.json())
    assert files(models_dir) == {"loras/ink.safetensors": LORA}
    assert AuditEntry.objects.filter(action="model_uploaded").count() == 1
    bob.is_staff = True
    bob.save()
    other = Sender(headers={"X-Api-Key": keys.mint(bob, "bob", ["models"])[1]})
    assert other.complete(pk).status_code == 404


def test_what_was_given_up_is_not_told_again(sender: Sender) -> None:
    pk = sender.start(MODEL)["id"]
    sender.delete(f"{UPLOADS}/{pk}")
    assert sender.complete(pk).status_code == 404


def test_half_a_file_is_not_complete(sender: Sender) -> None:
    pk = sender.start(MODEL)["id"]
    sender.part(pk, 0, MODEL[:500])
    assert sender.complete(pk).json()["error"]["code"] == "upload_incomplete"
    assert sender.part(pk, 500, MODEL[500:]).status_code == 200


def test_another_file_than_announced_is_thrown_away(sender: Sender, models_dir: Path) -> None:
    reply = sender.send(MODEL, sha256="0" * 64)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "hash_mismatch")
    assert files(models_dir) == {}
    assert not Upload.objects.exists()


def test_a_hash_in_capitals_is_the_same(sender: Sender) -> None:
    assert sender.send(MODEL, sha256=hashlib.sha256(MODEL).hexdigest().upper()).status_code == 200


DISGUISED = {
    "pickle": pickle.dumps(Trap(Path("/tmp/alice-upload-canary"))),
    "torch-zip": zipped({"archive/data.pkl": pickle.dumps(Trap(Path("/tmp/alice-upload-canary")))}),
    "cut": MODEL[:-1],
    "longer": MODEL + b"x",
    "html": b"<!DOCTYPE html><script>alert(1)</script>",
    "endless-header": b"\xff" * 8 + MODEL[8:],
}


@pytest.mark.parametrize("name", DISGUISED)
def test_what_is_no_safetensors_file_is_thrown_away(
    sender: Sender, models_dir: Path, name: str
) -> None:
    reply = sender.send(DISGUISED[name])
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "unsupported_model_format")
    assert (files(models_dir), CatalogModel.objects.count()) == ({}, 0)
    assert not Path("/tmp/alice-upload-canary").exists()


BAD_NAMES = (
    "../lake.safetensors", "/etc/lake.safetensors", "a/b.safetensors", "a\\b.safetensors",
    "..", ".hidden.safetensors", ".safetensors", "", " lake.safetensors", "lake.safetensors ",
    "a\x00.safetensors", "a\n.safetensors", "a\u202e.safetensors", "C:lake.safetensors",
    "x" * 190 + ".safetensors", "lake?.safetensors", "é" * 100 + ".safetensors", 7, None,
)  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_none_is_refused(sender: Sender, models_dir: Path, name: Any) -> None:
    body = {"filename": name, "sizeBytes": 9, "sha256": "0" * 64}
    reply = sender.post(UPLOADS, body, "application/json")
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "filename")
    assert files(models_dir) == {}


@pytest.mark.parametrize("suffix", ["ckpt", "pt", "bin", "pkl", "safetensors.ckpt", "gguf", "zip"])
def test_a_format_that_can_carry_code_is_not_even_begun(sender: Sender, suffix: str) -> None:
    body = {"filename": f"lake.{suffix}", "sizeBytes": 9, "sha256": "0" * 64}
    reply = sender.post(UPLOADS, body, "application/json")
    assert reply.json()["error"]["code"] == "unsupported_model_format"


TWINS = ("lake.safetensors", "LAKE.safetensors", "lake.SAFETENSORS", "\uff4cake.safetensors")


@pytest.mark.parametrize("name", TWINS)
def test_a_name_that_is_taken_is_refused(sender: Sender, models_dir: Path, name: str) -> None:
    (models_dir / "lake.safetensors").write_bytes(b"mine")
    body = {"filename": name, "sizeBytes": 9, "sha256": "0" * 64}
    reply = sender.post(UPLOADS, body, "application/json")
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "already_exists")


@pytest.mark.parametrize("name", ["café.safetensors", "CAFÉ.safetensors", "cafe\u0301.safetensors"])
def test_a_name_taken_meanwhile_is_not_overwritten(
    sender: Sender, models_dir: Path, name: str
) -> None:
    pk = sender.start(MODEL, "café.safetensors")["id"]
    sender.part(pk, 0, MODEL)
    (models_dir / name).write_bytes(b"mine")
    reply = sender.complete(pk)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "already_exists")
    assert (models_dir / name).read_bytes() == b"mine"
    assert not AuditEntry.objects.filter(action="model_uploaded").exists()
    # Only its name is wrong: it may be completed once that is free.
    (models_dir / name).unlink()
    assert sender.complete(pk).status_code == 200


def test_a_folder_on_another_disk_takes_no_upload(
    sender: Sender, models_dir: Path, another_disk: Path
) -> None:
    (models_dir / "loras").symlink_to(another_disk)
    pk = sender.start(LORA)["id"]
    sender.part(pk, 0, LORA)
    reply = sender.complete(pk)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "other_disk")
    assert list(another_disk.iterdir()) == []
    # Only its place is wrong: it may be completed once that is mended.
    (models_dir / "loras").unlink()
    assert sender.complete(pk).status_code == 200


@pytest.mark.parametrize("what", ["link", "dangling", "file"])
def test_what_stands_where_the_folder_belongs_is_named(
    sender: Sender, models_dir: Path, tmp_path: Path, what: str
) -> None:
    """A link is not entered by any scan: what lies behind it would be here and nowhere listed."""
    (tmp_path / "real").mkdir()
    shelf = models_dir / "loras"
    if what == "file":
        shelf.write_text("in the way")
    else:
        shelf.symlink_to(tmp_path / ("real" if what == "link" else "nowhere"))
    pk = sender.start(LORA)["id"]
    sender.part(pk, 0, LORA)
    reply = sender.complete(pk)
    code = "already_exists" if what == "file" else "other_disk"
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, code)
    assert "loras" in reply.json()["error"]["message"]
    shelf.unlink()
    assert sender.complete(pk).status_code == 200


def test_a_models_folder_that_is_a_link_takes_uploads(
    sender: Sender, models_dir: Path, tmp_path: Path
) -> None:
    models_dir.rename(tmp_path / "real")
    models_dir.symlink_to(tmp_path / "real")
    assert sender.send(MODEL).json()["model"] == "sd/lake"


def test_another_persons_upload_does_not_exist(sender: Sender, bob: User) -> None:
    pk = sender.start(MODEL)["id"]
    bob.is_staff = True
    bob.save()
    other = Sender(headers={"X-Api-Key": keys.mint(bob, "bob", ["models"])[1]})
    assert other.get(UPLOADS).json()["data"] == []
    asked = [
        other.get(f"{UPLOADS}/{pk}"), other.part(pk, 0, MODEL), other.complete(pk),
        other.delete(f"{UPLOADS}/{pk}"),
    ]  # fmt: skip
    assert [reply.status_code for reply in asked] == [404] * 4


def test_giving_up_takes_the_parts_away(sender: Sender, models_dir: Path) -> None:
    pk = sender.start(MODEL)["id"]
    sender.part(pk, 0, MODEL[:500])
    assert sender.delete(f"{UPLOADS}/{pk}").json() == {"success": True, "id": pk}
    assert files(models_dir) == {}
    assert sender.get(f"{UPLOADS}/{pk}").status_code == 404


def test_open_uploads_have_a_limit(sender: Sender) -> None:
    for number in range(sending.MOST_OPEN):
        sender.start(MODEL, f"{number}.safetensors")
    body = {"filename": "more.safetensors", "sizeBytes": 9, "sha256": "0" * 64}
    reply = sender.post(UPLOADS, body, "application/json")
    assert (reply.status_code, reply.json()["error"]["code"]) == (429, "insufficient_quota")


REFUSALS = ((errno.ENOSPC, "storage_full"), (errno.EROFS, "storage_unavailable"))


@pytest.mark.parametrize(("number", "code"), REFUSALS)
@pytest.mark.parametrize("call", ["pathlib.Path.mkdir", "os.fsync", "modelhub.moving.link"])
def test_a_disk_that_refuses_is_named_and_loses_nothing(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, call: str, number: int, code: str
) -> None:
    pk = sender.start(MODEL)["id"]
    sender.part(pk, 0, MODEL[:500])
    asked: dict[str, Callable[[], Any]] = {
        "pathlib.Path.mkdir": lambda: sender.post(UPLOADS, BODY, "application/json"),
        "os.fsync": lambda: sender.part(pk, 500, MODEL[500:]),
        "modelhub.moving.link": lambda: (sender.part(pk, 500, MODEL[500:]), sender.complete(pk))[1],
    }

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(call, refuse)
        reply = asked[call]()
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, code)
    sender.part(pk, 500, MODEL[500:])
    assert sender.complete(pk).status_code == 200


Usage = namedtuple("Usage", "total used free")


def test_the_disk_is_reserved_before(
    sender: Sender, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = parts.SPARE_BYTES + 3 * 10**6
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(room, 0, room))
    body = {"filename": "a.safetensors", "sizeBytes": 2 * 10**6, "sha256": "0" * 64}
    assert sender.post(UPLOADS, body, "application/json").status_code == 201
    body["filename"] = "b.safetensors"
    reply = sender.post(UPLOADS, body, "application/json")
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "storage_full")
    body["sizeBytes"] = 900_000
    Download.objects.create(source="url", name="x", total_bytes=500_000, done_bytes=100_000)
    assert sender.post(UPLOADS, body, "application/json").status_code == 503
    Download.objects.update(done_bytes=450_000)
    assert sender.post(UPLOADS, body, "application/json").status_code == 201


def test_what_nobody_touched_for_a_day_goes(sender: Sender, models_dir: Path) -> None:
    old, new = (sender.start(MODEL, f"{name}.safetensors")["id"] for name in ("old", "new"))
    for pk in (old, new):
        sender.part(pk, 0, MODEL[:500])
    Upload.objects.filter(pk=old).update(touched_at=timezone.now() - timedelta(hours=25))
    assert sending.tidy() == 1
    assert list(files(models_dir)) == [f".uploads/{new}.safetensors"]


@pytest.mark.parametrize(
    "body",
    [
        {"sizeBytes": 0}, {"sizeBytes": -1}, {"sizeBytes": "9"}, {"sizeBytes": 2**41},
        {"sizeBytes": True}, {"sizeBytes": None}, {"sha256": "x" * 64}, {"sha256": "0" * 63},
        {"sha256": None}, {"kind": "lora"}, {"path": "/"},
    ],
)  # fmt: skip
def test_a_bad_announcement_is_refused(sender: Sender, body: dict[str, Any]) -> None:
    whole = {"filename": "a.safetensors", "sizeBytes": 9, "sha256": "0" * 64} | body
    reply = sender.post(UPLOADS, whole, "application/json")
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, next(iter(body)))


def test_a_program_must_say_the_hash_and_the_page_need_not(
    sender: Sender, client: Client, staff: User
) -> None:
    body = {"filename": "a.safetensors", "sizeBytes": len(MODEL)}
    reply = sender.post(UPLOADS, body, "application/json")
    assert reply.json()["error"]["code"] == "missing_required_parameter"
    client.force_login(staff)
    pk = client.post(UPLOADS, body, "application/json").json()["id"]
    client.put(f"{UPLOADS}/{pk}?offset=0", MODEL, "application/octet-stream")
    told = client.post(f"{UPLOADS}/{pk}/complete").json()
    assert told["sha256"] == hashlib.sha256(MODEL).hexdigest()


def test_only_staff_upload(client: Client, alice: User) -> None:
    assert client.get(UPLOADS).status_code == 401
    client.force_login(alice)
    assert client.get(UPLOADS).status_code == 403
    assert client.post(UPLOADS, {}, "application/json").status_code == 403
