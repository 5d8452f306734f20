"""The guard itself: what leaves the machine is stopped, what stays is not."""

import socket
from collections.abc import Iterator

import pytest

from tests import network_guard
from tests.network_guard import OutsideConnection


@pytest.fixture
def forgiven() -> Iterator[None]:
    """These attempts are made on purpose."""
    yield
    network_guard.attempts.clear()


@pytest.mark.usefixtures("forgiven")
@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.com", 80)])
def test_a_connection_to_the_world_fails_the_test(address: tuple[str, int]) -> None:
    with pytest.raises(OutsideConnection, match="without a network"):
        socket.create_connection(address, timeout=0.1)
    assert network_guard.attempts


@pytest.mark.usefixtures("forgiven")
def test_datagrams_and_names_do_not_leave_either() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        with pytest.raises(OutsideConnection):
            sender.sendto(b"x", ("192.0.2.1", 53))
        with pytest.raises(OutsideConnection):
            sender.connect(("192.0.2.1", 53))
    with pytest.raises(OutsideConnection):
        socket.getaddrinfo("example.com", 80)


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection(("localhost", listener.getsockname()[1])).close()
    assert network_guard.attempts == []
