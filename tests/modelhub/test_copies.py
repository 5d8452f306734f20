"""Copies of single files: whole or not there, shared parts once on the disk, pruned when stale."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from modelhub import copies

Write = Callable[[Path], str]


class Room(NamedTuple):
    total: int
    used: int
    free: int


def source(root: Path, name: str = "a", content: bytes = b"weights") -> Path:
    file = root / f"{name}.safetensors"
    file.write_bytes(content)
    return file


def writer(unet: bytes, vae: bytes = b"the same vae") -> Write:
    def write(draft: Path) -> str:
        for part, content in (("unet", unet), ("vae", vae)):
            (draft / part).mkdir()
            (draft / part / "model.safetensors").write_bytes(content)
        return "float32"

    return write


def test_a_copy_fits_its_file_and_format_only(tmp_path: Path) -> None:
    file = source(tmp_path)
    copy = copies.make(tmp_path, file, writer(b"1"))
    assert copies.fits(copy.path, file, "float32")
    assert not copies.fits(copy.path, file, "bfloat16")
    os.utime(file, (1, 1))
    assert not copies.fits(copy.path, file, "float32")


def test_a_renamed_file_keeps_its_copy(tmp_path: Path) -> None:
    file = source(tmp_path)
    copy = copies.make(tmp_path, file, writer(b"1"))
    assert copies.fits(copy.path, file.rename(tmp_path / "b.safetensors"), "float32")


def test_a_configuration_beside_it_counts(tmp_path: Path) -> None:
    file = source(tmp_path)
    key = copies.key_of(file)
    beside = tmp_path / "a.components/unet"
    beside.mkdir(parents=True)
    (beside / "config.json").write_text("{}")
    assert copies.key_of(file) != key


def test_the_same_vae_lies_on_the_disk_once(tmp_path: Path) -> None:
    one = copies.make(tmp_path, source(tmp_path), writer(b"1"))
    two = copies.make(tmp_path, source(tmp_path, "b", b"others"), writer(b"2"))
    vaes = [copy.path / "vae/model.safetensors" for copy in (one, two)]
    assert vaes[0].samefile(vaes[1])
    assert not (one.path / "unet/model.safetensors").samefile(two.path / "unet/model.safetensors")


def test_without_hard_links_each_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    one = copies.make(tmp_path, source(tmp_path), writer(b"1"))
    two = copies.make(tmp_path, source(tmp_path, "b", b"others"), writer(b"2"))
    assert (one.path / "vae/model.safetensors").stat().st_nlink == 1
    assert (two.path / "vae/model.safetensors").read_bytes() == b"the same vae"


def test_a_failed_copy_leaves_nothing(tmp_path: Path) -> None:
    def fail(draft: Path) -> str:
        (draft / "unet").write_bytes(b"half")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        copies.make(tmp_path, source(tmp_path), fail)
    assert copies.all_in(tmp_path) == []
    assert [path.name for path in (tmp_path / copies.CONVERTED).iterdir()] == [".lock"]


def test_what_a_killed_one_left_is_removed_by_the_next(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from modelhub import copies\n"
        "def die(draft):\n (draft / 'unet').write_bytes(b'half'); os.kill(os.getpid(), 9)\n"
        "copies.make(Path(sys.argv[1]), Path(sys.argv[2]), die)"
    )
    file = source(tmp_path)
    subprocess.run([sys.executable, "-c", script, tmp_path, file], check=False)
    assert list((tmp_path / copies.CONVERTED).glob("unfinished-*/unet"))
    copy = copies.make(tmp_path, file, writer(b"1"))
    assert copies.all_in(tmp_path) == [copy]
    assert not list((tmp_path / copies.CONVERTED).glob("unfinished-*"))


def test_a_file_that_changes_meanwhile_has_no_copy(tmp_path: Path) -> None:
    file = source(tmp_path)

    def disturbed(draft: Path) -> str:
        source(tmp_path, content=b"something else")
        return writer(b"1")(draft)

    with pytest.raises(copies.Busy, match="changed while it was read"):
        copies.make(tmp_path, file, disturbed)
    assert copies.all_in(tmp_path) == []


def test_a_full_disk_is_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Room(10, 9, 1))
    with pytest.raises(copies.NoSpace, match="GB are free"):
        copies.make(tmp_path, source(tmp_path), writer(b"1"))


def test_one_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / copies.CONVERTED
    folder.mkdir()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(copies.Busy):
            copies.make(tmp_path, source(tmp_path), writer(b"1"))


def test_pruning_spares_what_others_use(tmp_path: Path) -> None:
    one = copies.make(tmp_path, source(tmp_path), writer(b"1" * 100))
    two = copies.make(tmp_path, source(tmp_path, "b", b"others"), writer(b"2"))
    foreseen = copies.prune(tmp_path, {two.key}, dry_run=True)
    assert copies.all_in(tmp_path) == sorted([one, two], key=lambda copy: copy.path)
    assert copies.prune(tmp_path, {two.key}) == foreseen
    going, freed = foreseen
    assert going == [one]
    assert 100 < freed < 100 + 200
    assert copies.all_in(tmp_path) == [two]
    assert (two.path / "vae/model.safetensors").read_bytes() == b"the same vae"


def test_the_last_use_of_a_part_takes_it_along(tmp_path: Path) -> None:
    copies.make(tmp_path, source(tmp_path), writer(b"1"))
    _, freed = copies.prune(tmp_path, set())
    assert freed > len(b"1" + b"the same vae")
    assert list((tmp_path / copies.PARTS).iterdir()) == []


def test_pruning_nothing_makes_no_folders(tmp_path: Path) -> None:
    assert copies.prune(tmp_path, set()) == ([], 0)
    assert list(tmp_path.iterdir()) == []
