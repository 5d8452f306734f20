"""Where an outbound request may go: one URL parser, and which addresses are public."""

import ipaddress
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from accounts.problems import Invalid

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST_URL = 4096
PORTS = {"http": 80, "https": 443}
# Spaces and control characters mean one thing to us and another to a server; so do backslashes.
UNSAFE = re.compile(r"[^\x21-\x5b\x5d-\x7e]")
HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
# Assigned to no host that anybody serves from; the standard library learns of them only slowly.
SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "100:0:0:1::/64", "2001::/23",
        "3fff::/20", "5f00::/16",
    )
)  # fmt: skip
# IPv6 that carries IPv4: translated addresses and those of old tunnels.
TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))


class BadUrl(Invalid):
    code = "invalid_url"


class PrivateAddress(Invalid):
    """A name or number of this machine, of its network or of no host at all."""

    code = "address_not_allowed"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart once. `host` is lower case, without brackets; `path` has the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """As the Host header says it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str) -> Target:
    """Raises BadUrl for anything but a plain http or https URL."""
    if len(url) > LONGEST_URL or UNSAFE.search(url):
        raise BadUrl(f"A URL has at most {LONGEST_URL} printable ASCII characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadUrl("This is not a URL.") from None
    if parts.scheme not in PORTS:
        raise BadUrl("Only http and https URLs are fetched.")
    if parts.username is not None or parts.password is not None:
        raise BadUrl("A URL must not carry a name or a password.")
    host = (parts.hostname or "").lower().removesuffix(".")
    if not (HOST_NAME.fullmatch(host) or _is_ipv6(host)):
        raise BadUrl("The URL names no host.")
    if port == 0:
        raise BadUrl("The URL names port 0.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path)


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6 and "%" not in host
    except ValueError:
        return False


def is_public(address: IPAddress) -> bool:
    """Whether the address is one that anybody on the internet could reach, inside and out."""
    return all(
        each.is_global and not (each.is_multicast or each.is_reserved or each.is_unspecified)
        and not getattr(each, "is_site_local", False)
        and not any(each in network for network in SPECIAL)
        for each in _layers(address)
    )  # fmt: skip


def refusal(host: str) -> PrivateAddress | None:
    """Why a host that is nothing but an inner address is not asked; None for any other."""
    try:
        inner = not is_public(ipaddress.ip_address(host))
    except ValueError:
        return None
    return PrivateAddress("The URL leads to an address that is not public.") if inner else None


def _layers(address: IPAddress) -> Iterator[IPAddress]:
    """The address that really is meant: what it wraps if it wraps one, else itself."""
    if address.version == 4:
        yield address
        return
    wrapped = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    inner: list[IPAddress] = [each for each in wrapped if each is not None]
    if any(address in network for network in TRANSLATED):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    yield from inner
    if address.ipv4_mapped is None and not (inner and address in TRANSLATED[0]):
        yield address


def resolve(host: str, port: int, seconds: float | None) -> Sequence[IPAddress]:
    """Every address of the name, as the system would connect to it. Raises OSError.

    The system's resolver knows no deadline, so a thread asks it that nobody waits for in the end.
    """
    found: list[IPAddress] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(
                ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in known
            )
        except (OSError, UnicodeError) as error:
            failed.append(OSError(str(error)))

    asking = threading.Thread(target=ask, name="resolver", daemon=True)
    asking.start()
    asking.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"{host} was not resolved in time")
    return list(dict.fromkeys(found))
