"""A row never speaks of a file that a power cut could have taken."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts.models import User
from gallery import storage
from gallery.models import Image
from tests.gallery.conftest import Keep
from tests.gallery.power_cut import Recorder, aftermaths


@pytest.fixture
def recorder(images_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder(images_dir)
    recorder.install(monkeypatch)
    return recorder


@pytest.fixture
def kept(keep: Keep, alice: User, recorder: Recorder, images_dir: Path) -> Callable[[], Image]:
    """A picture kept and its row committed, both on the record."""

    def make() -> Image:
        image = keep(alice)
        for name in (image.file, image.thumbnail):
            data = (images_dir / name).read_bytes()
            recorder.commit(name, hashlib.sha256(data).hexdigest())
        return image

    return make


def violations(recorder: Recorder) -> tuple[int, int]:
    """(disks examined, visible rows without their good file) over every prefix of the record."""
    disks = bad = 0
    for length in range(len(recorder.events) + 1):
        prefix = recorder.events[:length]
        rows = {e[1]: e[2] for e in prefix if e[0] == "commit"}
        for event in prefix:
            if event[0] == "hide":
                rows.pop(event[1], None)
        for left in aftermaths(prefix):
            disks += 1
            for name, digest in rows.items():
                data = left.get(recorder.root / name)
                bad += data is None or hashlib.sha256(data).hexdigest() != digest
    return disks, bad


def test_no_power_cut_takes_a_published_picture(
    kept: Callable[[], Image], recorder: Recorder
) -> None:
    for _ in range(10):
        kept()
    disks, bad = violations(recorder)
    assert disks > 300
    assert bad == 0


def test_folder_another_process_has_just_made_is_synced_too(
    kept: Callable[[], Image], recorder: Recorder, images_dir: Path
) -> None:
    os.mkdir(images_dir)  # noqa: PTH102 on the record, and never synced by its maker
    kept()
    assert violations(recorder)[1] == 0


def test_deleting_never_leaves_a_visible_row_without_its_file(
    kept: Callable[[], Image], recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = kept()
    remove = storage.remove_files

    def seen(doomed: Image) -> None:
        # The tombstone is committed by now: nothing visible speaks of the files any more.
        assert not Image.objects.exclude(state=Image.State.DELETING).exists()
        recorder.hide(image.file)
        recorder.hide(image.thumbnail)
        remove(doomed)

    monkeypatch.setattr(storage, "remove_files", seen)
    storage.delete(image)
    assert violations(recorder)[1] == 0
    assert not any(aftermaths(recorder.events))


@pytest.mark.parametrize(
    "forgotten",
    [
        lambda path: path.suffix == ".part",
        lambda path: len(path.name) == 2,
        lambda path: path.name == "images",
        lambda path: path.name != "images" and path.suffix != ".part" and len(path.name) != 2,
    ],
    ids=["file", "shard", "root", "data"],
)
def test_every_sync_is_needed(
    kept: Callable[[], Image], recorder: Recorder, forgotten: Callable[[Path], bool]
) -> None:
    """Without any one of the four kinds of sync, a published picture can be lost."""
    recorder.skip = forgotten
    kept()
    assert violations(recorder)[1] > 0
