"""Every change of a source file is noticed, once."""

import os
from pathlib import Path

from aliceproject.reload import Watched


def test_nothing_changed(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    assert not Watched([tmp_path]).changed()


def test_a_written_file_is_noticed_once(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    watched = Watched([tmp_path])
    os.utime(tmp_path / "a.py", ns=(1, 1))
    assert (watched.changed(), watched.changed()) == (True, False)


def test_new_and_removed_files_are_noticed(tmp_path: Path) -> None:
    watched = Watched([tmp_path])
    (tmp_path / "new.html").touch()
    assert watched.changed()
    (tmp_path / "new.html").unlink()
    assert watched.changed()


def test_data_and_hidden_folders_are_not_watched(tmp_path: Path) -> None:
    watched = Watched([tmp_path])
    for name in (".venv", "data"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").touch()
    (tmp_path / "b.png").touch()
    assert not watched.changed()
