"""Tests reach this machine and nothing else: any other connection fails the test that made it."""

import ipaddress
import re
import socket
from typing import Any

# What the resolver answers without asking anybody: numbers in all their spellings, and ourselves.
NUMBER = re.compile(r"[0-9a-fx.:]*(%\w+)?", re.IGNORECASE)
OURSELVES = frozenset({"localhost", "localhost.", socket.gethostname().lower()})


class OutsideConnection(OSError):
    """Raised where it happens, and noted in `attempts` for whoever takes it for a usual error."""


attempts: list[str] = []
_connect, _connect_ex = socket.socket.connect, socket.socket.connect_ex
_sendto, _getaddrinfo = socket.socket.sendto, socket.getaddrinfo


def install() -> None:
    kind: Any = socket.socket
    kind.connect, kind.connect_ex = _guarded_connect, _guarded_connect_ex
    kind.sendto, socket.getaddrinfo = _guarded_sendto, _guarded_getaddrinfo


def _guarded_connect(self: socket.socket, address: Any) -> None:
    _check(self, address)
    return _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any) -> int:
    _check(self, address)
    return _connect_ex(self, address)


def _guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:
    _check(self, rest[-1])
    return _sendto(self, data, *rest)


def _guarded_getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host or ""
    if name.endswith(".invalid"):
        # Reserved to mean nothing: no resolver need be asked.
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if not (NUMBER.fullmatch(name) or name.lower() in OURSELVES):
        _refuse(f"looked up {name}")
    return _getaddrinfo(host, *rest, **more)


def _check(used: socket.socket, address: Any) -> None:
    if used.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
        return
    host = str(address[0])
    if host.lower() not in OURSELVES and not _is_here(host):
        _refuse(f"connected to {host}:{address[1]}")


def _is_here(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse(deed: str) -> None:
    attempts.append(deed)
    raise OutsideConnection(f"This test {deed}: tests run without a network.")
