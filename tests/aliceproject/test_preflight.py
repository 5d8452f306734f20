"""Whatever is missing before a start is named, with the setting that changes it."""

import errno
import socket
import threading
from pathlib import Path

import pytest

from aliceproject import preflight
from aliceproject.preflight import NotPossible


def test_this_python_is_new_enough() -> None:
    preflight.check_python()


def test_an_old_python_is_refused() -> None:
    with pytest.raises(NotPossible, match=r"Python 3.10 is too old: ALICE needs Python 3.11"):
        preflight.check_python((3, 10, 4))


def test_a_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    preflight.check_folder(tmp_path / "a" / "b", "ALICE_DATA_DIR")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_in_the_way_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(NotPossible, match="ALICE_MODELS_DIR"):
        preflight.check_folder(tmp_path / "a", "ALICE_MODELS_DIR")


def test_a_full_disk_says_how_much_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NotPossible, match=r"The disk is full: .* 999999999999 MB are needed"):
        preflight.check_space(tmp_path, "ALICE_DATA_DIR", 999999999999)


def test_a_disk_with_room_passes(tmp_path: Path) -> None:
    preflight.check_space(tmp_path, "ALICE_DATA_DIR", 1)


@pytest.fixture
def listener() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


def test_a_taken_port_is_refused(listener: socket.socket) -> None:
    with listener, pytest.raises(NotPossible, match="is taken by another program"):
        preflight.check_port("127.0.0.1", listener.getsockname()[1])


def test_patience_outlasts_a_program_that_is_ending(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    threading.Timer(0.3, listener.close).start()
    preflight.check_port("127.0.0.1", port, patience=10)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost", "::1", "::"])
def test_every_form_of_address_can_be_free(host: str) -> None:
    preflight.check_port(host, 0)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_foreign_address_is_refused(host: str) -> None:
    with pytest.raises(NotPossible, match="is no address of this machine"):
        preflight.check_port(host, 0)


def test_a_low_port_needs_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(host: str, port: int) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    # Root, as whom containers run tests, may use every port.
    monkeypatch.setattr(preflight, "_bind", refuse)
    with pytest.raises(NotPossible, match="may not use port 80"):
        preflight.check_port("127.0.0.1", 80)
