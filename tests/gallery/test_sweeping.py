"""Both ways of the sweep: every orphan and every loss found, no good file touched."""

import logging
import os
import threading
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django import Settings

from accounts.models import User
from gallery import bucket, storage, sweeping
from gallery.errors import StorageDown
from gallery.models import Image
from tests.gallery.conftest import Keep, recipe, staged
from tests.gallery.test_bucket import Listing, endpoint, keys_in

__all__ = ["endpoint", "keys_in"]

LONG_AGO = 2 * 3600.0
GONE_PID = 2**22 + 1


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def age(path: Path, seconds: float = LONG_AGO) -> Path:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))
    return path


def lay(folder: Path, name: str, seconds: float = LONG_AGO) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left behind")
    return age(path, seconds)


def orphan(suffix: str = "png") -> str:
    key = uuid.uuid4()
    return f"{str(key)[:2]}/{key}-1.{suffix}"


def state(image: Image) -> str:
    image.refresh_from_db()
    return image.state


def test_a_whole_gallery_is_left_alone(alice: User, keep: Keep, images_dir: Path) -> None:
    for _ in range(3):
        image = keep(alice)
        age(images_dir / image.file)
        age(images_dir / image.thumbnail)
    before = files(images_dir)
    found = sweeping.sweep(verify=True)
    assert (found.files, found.rows, found.notes) == (6, 3, [])
    assert files(images_dir) == before


def test_files_that_no_row_names_go_when_they_are_old(
    alice: User, keep: Keep, images_dir: Path
) -> None:
    image = keep(alice)
    old, young = lay(images_dir, orphan()), lay(images_dir, orphan("webp"), 60)
    assert sweeping.sweep().orphans == 1
    assert not old.exists()
    assert files(images_dir) == {image.file, image.thumbnail, str(young.relative_to(images_dir))}


def test_what_was_laid_there_by_others_stays(images_dir: Path, db: None) -> None:
    notes = [lay(images_dir, name) for name in ("ab/readme.txt", "notes.png", "ab/holiday.png")]
    assert sweeping.sweep().foreign == 2
    assert all(note.exists() for note in notes)


def test_no_link_is_followed(alice: User, keep: Keep, images_dir: Path, tmp_path: Path) -> None:
    image, elsewhere = keep(alice), tmp_path / "elsewhere"
    secret = lay(elsewhere, orphan().partition("/")[2])
    folder = secret.name[:2]
    if not (images_dir / folder).exists():
        (images_dir / folder).symlink_to(elsewhere)
    (images_dir / image.file).unlink()
    (images_dir / image.file).symlink_to(secret)
    found = sweeping.sweep()
    assert (found.orphans, found.lost) == (0, 1)
    assert secret.exists()


def test_drafts_go_with_their_process(images_dir: Path, db: None) -> None:
    name = f".{uuid.uuid4()}-1.png"
    dead = lay(images_dir, f"ab/{name}.{GONE_PID}-0badcafe.part")
    young = lay(images_dir, f"ab/{name}.{GONE_PID}-0badcaff.part", 60)
    running = lay(images_dir, f"ab/{name}.{os.getpid()}-0badcafe.part")
    assert sweeping.sweep().drafts == 1
    assert [path.exists() for path in (dead, young, running)] == [False, True, True]


def test_a_row_without_its_file_is_marked_and_said(
    alice: User, keep: Keep, images_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    image, other = keep(alice), keep(alice)
    (images_dir / image.file).unlink()
    with caplog.at_level(logging.ERROR):
        assert sweeping.sweep().lost == 1
    assert (state(image), state(other)) == ("lost", "stored")
    assert str(image.pk) in caplog.text
    assert (images_dir / image.thumbnail).exists()


def test_a_file_that_comes_back_is_stored_again(alice: User, keep: Keep, images_dir: Path) -> None:
    image = keep(alice)
    file = images_dir / image.file
    data = file.read_bytes()
    file.unlink()
    sweeping.sweep()
    file.write_bytes(b"something else")
    assert sweeping.sweep().recovered == 0
    assert state(image) == "lost"
    file.write_bytes(data)
    assert sweeping.sweep().recovered == 1
    assert state(image) == "stored"


def test_verify_finds_a_flipped_bit(alice: User, keep: Keep, images_dir: Path) -> None:
    image = keep(alice)
    data = bytearray((images_dir / image.file).read_bytes())
    data[100] ^= 1
    (images_dir / image.file).write_bytes(data)
    assert sweeping.sweep().damaged == 0
    assert sweeping.sweep(verify=True).damaged == 1
    assert state(image) == "lost"


def test_a_missing_thumbnail_is_made_again(alice: User, keep: Keep, images_dir: Path) -> None:
    image = keep(alice)
    thumbnail = (images_dir / image.thumbnail).read_bytes()
    (images_dir / image.thumbnail).unlink()
    assert sweeping.sweep().thumbnails == 1
    assert (images_dir / image.thumbnail).read_bytes() == thumbnail
    assert state(image) == "stored"


def test_interrupted_deletions_are_finished(alice: User, keep: Keep, images_dir: Path) -> None:
    keep(alice, state=Image.State.DELETING)
    assert sweeping.sweep().deletions == 1
    assert files(images_dir) == set()


def test_a_disk_that_is_away_loses_nothing(alice: User, keep: Keep, images_dir: Path) -> None:
    image = keep(alice)
    images_dir.rename(images_dir.with_name("unmounted"))
    with pytest.raises(StorageDown):
        sweeping.sweep()
    assert state(image) == "stored"


def test_a_dry_run_says_the_same_and_does_nothing(
    alice: User, keep: Keep, images_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = keep(alice)
    (images_dir / image.file).unlink()
    left = lay(images_dir, orphan())
    call_command("sweep_gallery", "--dry-run")
    said = capsys.readouterr().out
    assert "1 files that no row names, to delete" in said
    assert "1 pictures whose file is gone, to mark as lost" in said
    assert left.exists()
    assert state(image) == "stored"
    call_command("sweep_gallery")
    assert "1 files that no row names, deleted" in capsys.readouterr().out
    assert not left.exists()


def seed(owner: User, images_dir: Path, count: int) -> tuple[set[str], set[uuid.UUID]]:
    """`count` good pictures, as many orphans and as many rows whose file is gone: the good files
    and the lost ids. Many rows share one drawing, which is as good as many drawings."""
    model = staged("00-model")
    data = (images_dir / model.file).read_bytes()
    small = (images_dir / model.thumbnail).read_bytes()
    made = recipe()
    rows, good, lost = [], set(), set()
    for number in range(2 * count):
        key = uuid.uuid4()
        stem = f"{str(key)[:2]}/{key}-1"
        whole = number < count
        for suffix, content in ((".webp", small), (".png", data)):
            if whole or suffix == ".webp":
                lay(images_dir, stem + suffix).write_bytes(content)
                age(images_dir / (stem + suffix))
                good.add(stem + suffix)
        if not whole:
            lost.add(key)
        rows.append(
            Image(id=key, owner=owner, file=f"{stem}.png", thumbnail=f"{stem}.webp",
                  sha256=model.sha256, size_bytes=len(data), width=64, height=64, model="sd/demo",
                  seed=number, recipe=made.to_json())
        )  # fmt: skip
    Image.objects.bulk_create(rows)
    for number in range(count):
        lay(images_dir, orphan("webp" if number % 2 else "png"))
    for path in (model.file, model.thumbnail):
        (images_dir / path).unlink()
    return good, lost


@pytest.mark.django_db(transaction=True)
def test_a_thousand_of_each_while_pictures_are_saved_and_deleted(
    alice: User, keep: Keep, images_dir: Path, settings: Settings
) -> None:
    good, lost = seed(alice, images_dir, 1000)
    stop, kept = threading.Event(), []

    def save_and_delete() -> None:
        while not stop.is_set():
            kept.append(keep(alice))
            storage.delete(keep(alice))
        connections.close_all()

    writer = threading.Thread(target=save_and_delete)
    writer.start()
    try:
        found = sweeping.sweep()
    finally:
        stop.set()
        writer.join()
    assert (found.orphans, found.lost) == (1000, 1000)
    assert set(Image.objects.filter(state="lost").values_list("pk", flat=True)) == lost
    assert len(kept) > 1
    ours = {name for image in kept for name in (image.file, image.thumbnail)}
    assert files(images_dir) == good | ours


def test_a_bucket_is_swept_by_pages(
    keys_in: Listing, alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = keep(alice), keep(alice)
    keys_in.client.delete_object(Bucket=keys_in.name, Key=f"some/prefix/{bad.file}")
    folder = f"some/prefix/{good.file[:2]}"
    monkeypatch.setattr(bucket, "PAGE", 10)
    for _ in range(25):
        key = f"{folder}/{good.file[3:5]}{str(uuid.uuid4())[2:]}-1.png"
        keys_in.client.put_object(Bucket=keys_in.name, Key=key, Body=b"left")
    assert sweeping.sweep().orphans == 0
    # The server's clock cannot be set back.
    monkeypatch.setattr(sweeping, "YOUNGEST", timedelta(hours=-1))
    found = sweeping.sweep()
    assert found.orphans == 25
    assert (state(good), state(bad)) == ("stored", "lost")
    expected = {good.file, good.thumbnail, bad.thumbnail}
    assert {key.removeprefix("some/prefix/") for key in keys_in()} == expected
