import errno
import hashlib
import logging
import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from PIL import Image as Pillow
from pytest_django import Settings

from accounts.models import Usage, User
from gallery import disk, storage
from gallery.models import Image
from gallery.storage import FileLost, StorageDown, StorageFull
from tests.gallery.conftest import Keep, pixels, recipe, staged


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_stage_keeps_picture_and_thumbnail(images_dir: Path) -> None:
    stored = staged("abcd-1")
    assert files(images_dir) == ["ab/abcd-1.png", "ab/abcd-1.webp"]
    data = (images_dir / stored.file).read_bytes()
    assert hashlib.sha256(data).hexdigest() == stored.sha256
    assert (len(data), 64, 64) == (stored.size_bytes, stored.width, stored.height)


def test_stored_pixels_are_those_drawn(images_dir: Path) -> None:
    stored = staged()
    with Pillow.open(images_dir / stored.file) as picture:
        assert picture.tobytes() == pixels()


def test_pictures_are_for_the_service_alone(images_dir: Path) -> None:
    stored = staged()
    assert (images_dir / stored.file).stat().st_mode & 0o077 == 0
    assert images_dir.stat().st_mode & 0o077 == 0


def test_read_gives_what_was_kept(alice: User, keep: Keep) -> None:
    image = keep(alice)
    assert hashlib.sha256(storage.read(image)).hexdigest() == image.sha256
    with Pillow.open(BytesIO(storage.read_thumbnail(image))) as thumbnail:
        assert thumbnail.format == "WEBP"


def test_missing_file_is_said_and_logged(
    alice: User, keep: Keep, images_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    image = keep(alice)
    (images_dir / image.file).unlink()
    with pytest.raises(FileLost), caplog.at_level(logging.ERROR):
        storage.read(image)
    assert str(image.pk) in caplog.text


def test_delete_leaves_neither_row_nor_file(alice: User, keep: Keep, images_dir: Path) -> None:
    image, other = keep(alice), keep(alice)
    storage.delete(image)
    assert list(Image.objects.all()) == [other]
    assert files(images_dir) == [other.file, other.thumbnail]


def test_delete_twice_is_no_error(alice: User, keep: Keep) -> None:
    image = keep(alice)
    storage.delete(image)
    storage.delete(image)
    assert not Image.objects.exists()


@pytest.mark.parametrize("step", [0, 1])
def test_interrupted_delete_is_hidden_and_finished_later(
    alice: User, keep: Keep, images_dir: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    image, calls = keep(alice), iter(range(9))
    remove = disk.Disk.remove

    def failing(self: disk.Disk, name: str) -> None:
        if next(calls) == step:
            raise StorageDown("unplugged")
        remove(self, name)

    monkeypatch.setattr(disk.Disk, "remove", failing)
    with pytest.raises(StorageDown):
        storage.delete(image)
    image.refresh_from_db()
    assert image.state == Image.State.DELETING
    assert storage.finish_deletions() == 1
    assert files(images_dir) == []
    assert not Image.objects.exists()


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("step", range(5))
def test_a_deletion_killed_at_any_step_leaves_nothing_after_the_next(
    alice: User, keep: Keep, images_dir: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    image, steps = keep(alice), iter(range(9))
    Usage.objects.update_or_create(
        user=alice, defaults={"stored_images": 1, "stored_bytes": image.size_bytes}
    )

    def dying(call: Callable[..., object]) -> Callable[..., object]:
        def died(*args: object) -> object:
            if next(steps) == step:
                raise Killed
            done = call(*args)
            if next(steps) == step:
                raise Killed
            return done

        return died

    with monkeypatch.context() as patch:
        patch.setattr(storage, "hide", dying(storage.hide))
        patch.setattr(disk.Disk, "remove", dying(disk.Disk.remove))
        with pytest.raises(Killed):
            storage.delete(image)
    if step == 0:
        # Nothing was done yet, and nobody was told that anything was.
        assert storage.read(image)
        storage.delete(image)
    storage.finish_deletions()
    assert files(images_dir) == []
    assert not Image.objects.exists()
    usage = Usage.objects.get(user=alice)
    assert (usage.stored_images, usage.stored_bytes) == (0, 0)


def test_many_are_hidden_at_once_and_each_is_charged_once(
    alice: User, bob: User, keep: Keep
) -> None:
    sizes = {user: sum(keep(user).size_bytes for _ in range(2)) for user in (alice, bob)}
    for user, size in sizes.items():
        Usage.objects.update_or_create(
            user=user, defaults={"stored_images": 2, "stored_bytes": size + 7}
        )
    assert len(storage.hide_all(Image.objects.all())) == 4
    assert storage.hide_all(Image.objects.all()) == []
    told = Usage.objects.order_by("pk").values_list("stored_images", "stored_bytes")
    assert list(told) == [(0, 7), (0, 7)]


def test_a_store_that_is_away_is_not_asked_for_each_of_many(
    alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def away(self: disk.Disk, name: str) -> None:
        asked.append(name)
        raise StorageDown("unplugged")

    for _ in range(9):
        keep(alice, state=Image.State.DELETING)
    monkeypatch.setattr(disk.Disk, "remove", away)
    assert storage.finish_deletions() == 0
    assert len(asked) == storage.PATIENCE


def test_deletion_that_fails_again_waits_for_the_next_time(
    alice: User, keep: Keep, images_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = keep(alice, state=Image.State.DELETING)
    keep(alice, state=Image.State.DELETING)
    (images_dir / stuck.file).unlink()
    (images_dir / stuck.file).mkdir()
    assert storage.finish_deletions() == 1
    assert str(stuck.pk) in caplog.text
    (images_dir / stuck.file).rmdir()
    assert storage.finish_deletions() == 1
    assert not Image.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_deleting_a_user_deletes_the_files(images_dir: Path, keep: Keep) -> None:
    user = get_user_model().objects.create(username="dora")
    keep(user)
    user.delete()
    assert files(images_dir) == []


@pytest.mark.django_db(transaction=True)
def test_user_goes_even_when_a_file_will_not(
    images_dir: Path, keep: Keep, caplog: pytest.LogCaptureFixture
) -> None:
    image = keep(get_user_model().objects.create(username="dora"))
    (images_dir / image.file).unlink()
    (images_dir / image.file).mkdir()
    image.owner.delete()
    assert not Image.objects.exists()
    assert f"{image.pk} are left behind" in caplog.text


def test_failing_clean_up_does_not_hide_the_cause(
    images_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unplugged(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "injected")

    monkeypatch.setattr(os, "fsync", Failing(os.fsync, 3, errno.ENOSPC))
    monkeypatch.setattr(os, "unlink", unplugged)
    with pytest.raises(StorageDown):
        staged()
    assert "Could not remove" in caplog.text


def test_discard_removes_an_unpublished_result(images_dir: Path) -> None:
    storage.discard(staged())
    assert files(images_dir) == []


def test_used_bytes_sums_what_is_kept(alice: User, keep: Keep) -> None:
    assert storage.used_bytes() == 0
    first, second = keep(alice), keep(alice, size_bytes=1000)
    assert storage.used_bytes() == first.size_bytes + second.size_bytes


class Failing:
    """A call of the operating system that fails the n-th time."""

    def __init__(self, call: Callable[..., object], nth: int, number: int) -> None:
        self.call, self.left, self.number = call, nth, number

    def __call__(self, *arguments: object) -> object:
        self.left -= 1
        if self.left == 0:
            raise OSError(self.number, "injected")
        return self.call(*arguments)


def outcome(name: str) -> type[StorageDown] | None:
    try:
        staged(name)
    except StorageDown as problem:
        return type(problem)
    return None


@pytest.mark.parametrize(
    ("number", "named"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EIO, StorageDown),
        (errno.EROFS, StorageDown),
    ],
)
@pytest.mark.parametrize("call", ["write", "fsync", "rename", "open"])
def test_disk_failing_at_any_call_is_named_and_leaves_nothing(
    images_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    named: type[StorageDown],
    call: str,
) -> None:
    met = []
    for nth in range(1, 30):
        with monkeypatch.context() as patched:
            patched.setattr(os, call, Failing(getattr(os, call), nth, number))
            met.append(outcome(f"ab{nth}-1"))
        if met[-1] is None:
            break
        assert files(images_dir) == []
    assert len(met) > 2
    assert set(met) == {named, None}
    assert len(files(images_dir)) == 2


@pytest.mark.parametrize("name", ["../x.png", "/etc/passwd", "ab/../../x", "."])
def test_no_name_leaves_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="leaves the storage folder"):
        disk.Disk(tmp_path / "images").read(name)


def test_file_url_names_another_folder(settings: Settings, tmp_path: Path) -> None:
    settings.ALICE_STORAGE_URL = f"file://{tmp_path}/else where"
    stored = storage.stage(pixels(), 64, 64, recipe(), "ab-1")
    assert (tmp_path / "else where" / stored.file).is_file()
