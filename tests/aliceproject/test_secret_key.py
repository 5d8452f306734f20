"""The signing key is long, private, and made once."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aliceproject import secret_key
from aliceproject.env import SettingError


def test_a_made_key_is_kept(tmp_path: Path) -> None:
    first = secret_key.load_or_create("", tmp_path / "data")
    assert secret_key.load_or_create("", tmp_path / "data") == first
    assert len(first) >= 50


def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    secret_key.load_or_create("", tmp_path)
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_a_data_directory_it_makes_is_its_owners_alone(tmp_path: Path) -> None:
    secret_key.load_or_create("", tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_many_first_starts_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: secret_key.load_or_create("", tmp_path), range(32)))
    assert len(keys) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["secret_key"]


def test_a_given_key_leaves_no_file(tmp_path: Path) -> None:
    assert secret_key.load_or_create("k" * 50, tmp_path) == "k" * 50
    assert not list(tmp_path.iterdir())


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="ALICE_SECRET_KEY: a secret key needs at least 50"):
        secret_key.load_or_create("short", tmp_path)


def test_an_emptied_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("")
    with pytest.raises(SettingError, match="secret_key: a secret key needs at least 50"):
        secret_key.load_or_create("", tmp_path)


def test_a_folder_that_cannot_be_made_says_which_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match="ALICE_DATA_DIR"):
        secret_key.load_or_create("", tmp_path / "file" / "data")
