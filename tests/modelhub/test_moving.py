"""A finished file gets its name once, over nothing, and nowhere else than it says."""

import errno
from pathlib import Path
from typing import Any

import pytest

from modelhub import moving


def test_where_there_are_no_links_nothing_is_overwritten_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError

    monkeypatch.setattr("os.link", refuse)
    draft, target = tmp_path / "draft", tmp_path / "target"
    draft.write_bytes(b"new")
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        moving.link(draft, target)
    assert target.read_bytes() == b"old"
    target.unlink()
    moving.link(draft, target)
    assert target.read_bytes() == b"new"


def test_a_file_that_cannot_be_moved_holds_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    draft, target = tmp_path / "draft", tmp_path / "target"
    draft.write_bytes(b"new")
    with pytest.raises(OSError, match="cross-device"):
        moving.link(draft, target)
    assert not target.exists()
