"""The folder of the pictures: a link in it leads nowhere."""

from pathlib import Path

import pytest

from gallery.disk import Disk
from gallery.errors import FileLost


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.png").write_bytes(b"canary")
    store = Disk(tmp_path / "images")
    store.write("ab/picture.png", b"a picture")
    return store


def test_a_picture_is_read(disk: Disk) -> None:
    assert disk.read("ab/picture.png") == b"a picture"


@pytest.mark.parametrize("target", ["outside/secret.png", "images/ab/picture.png", "nothing", "/"])
def test_a_link_in_place_of_a_picture_is_a_lost_one(
    disk: Disk, tmp_path: Path, target: str
) -> None:
    (disk.root / "ab" / "link.png").symlink_to(tmp_path / target)
    with pytest.raises(FileLost):
        disk.read("ab/link.png")


def test_a_linked_folder_is_not_entered(disk: Disk, tmp_path: Path) -> None:
    (disk.root / "cd").symlink_to(tmp_path / "outside")
    with pytest.raises(FileLost):
        disk.read("cd/secret.png")


def test_the_folder_itself_may_be_a_link(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "moved").symlink_to(disk.root)
    assert Disk(tmp_path / "moved").read("ab/picture.png") == b"a picture"


@pytest.mark.parametrize(
    "name", ["../outside/secret.png", "ab/../../outside/secret.png", "/etc/passwd"]
)
def test_a_name_that_leaves_the_folder_is_a_defect(disk: Disk, name: str) -> None:
    with pytest.raises(ValueError, match="leaves"):
        disk.read(name)
