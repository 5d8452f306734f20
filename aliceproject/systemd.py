"""Telling systemd how the start goes; silent where systemd did not ask."""

import os
import socket


def notify(state: str) -> None:
    """Send `state` (READY=1, STOPPING=1, STATUS=...) to the socket of a Type=notify unit."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    # A leading @ stands for Linux's abstract name space, which begins with NUL.
    path = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(path)
        channel.sendall(state.encode())
