"""The one way out, against real sockets: what it reaches, what it sends, and when it stops."""

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from accounts.problems import Invalid
from modelhub import addresses, fetcher
from modelhub.addresses import BadUrl, IPAddress, PrivateAddress
from modelhub.fetcher import (
    BadReply,
    HostNotAllowed,
    Policy,
    TimedOut,
    TooBig,
    Unreachable,
)

LOOPBACK = ipaddress.ip_address("127.0.0.1")
# This server's own address counts as public here, and names mean it.
HERE = replace(fetcher.USER, allowed=frozenset({LOOPBACK}), resolve=lambda *_: [LOOPBACK])
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
Talk = Callable[[socket.socket, bytes], None]


@dataclass
class Server:
    """Answers each connection with `talk`; `heard` is what was asked, `hellos` the names in TLS."""

    port: int
    heard: list[bytes] = field(default_factory=list)
    hellos: list[str | None] = field(default_factory=list)

    def url(self, path: str = "/x.png", host: str = "images.example", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@contextmanager
def serving(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(listener.getsockname()[1])
    if tls:
        tls.sni_callback = lambda _, name, __: server.hellos.append(name)

    def answer(peer: socket.socket) -> None:
        try:
            with tls.wrap_socket(peer, server_side=True) if tls else peer as wire:
                server.heard.append(wire.recv(65536))
                talk(wire, server.heard[-1])
        except OSError:
            peer.close()

    def listen() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(peer,), daemon=True).start()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def says(reply: bytes) -> Talk:
    return lambda wire, _: wire.sendall(reply)


def fetch(url: str, policy: Policy = HERE, **more: dict[str, str]) -> bytes:
    with fetcher.opened(url, policy, **more) as reply:  # type: ignore[arg-type]
        return reply.read()


# Every spelling of this machine, of its network, and of the addresses clouds keep their secrets at.
INSIDE = [
    "127.0.0.1", "127.1", "127.0.1", "0.0.0.0", "0", "localhost", "localhost.", "2130706433",
    "0x7f000001", "0177.0.0.1", "0x7f.1", "2852039166", "0xA9FEA9FE", "0251.0376.0251.0376",
    "169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "100.127.255.254",
    "192.0.0.1", "192.0.0.8", "192.88.99.1", "192.0.2.1", "198.18.0.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]",
    "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]",
    "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001:0:7f00:1::]", "[fe80::1]", "[fc00::1]",
    "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[100::1]", "[3fff::1]", "[5f00::1]",
]  # fmt: skip


@pytest.mark.parametrize("host", INSIDE)
def test_no_spelling_of_an_inner_address_is_connected_to(host: str) -> None:
    with serving(says(OK)) as server, pytest.raises((PrivateAddress, Unreachable)) as refused:
        fetch(f"http://{host}:{server.port}/", fetcher.USER)
    assert refused.value.status == 400
    assert server.heard == []


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2002:808:808::1", "64:ff9b::808:808"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert addresses.is_public(ipaddress.ip_address(address))


def test_one_inner_address_among_public_ones_is_enough_to_refuse() -> None:
    both = [ipaddress.ip_address("93.184.216.34"), ipaddress.ip_address("10.0.0.1")]
    with pytest.raises(PrivateAddress):
        fetch("http://rebinding.example/", replace(fetcher.USER, resolve=lambda *_: both))


def test_the_name_is_asked_for_once_and_that_answer_is_used() -> None:
    asked: list[str] = []

    def rebinding(host: str, *_: object) -> Sequence[IPAddress]:
        asked.append(host)
        return [LOOPBACK if len(asked) == 1 else ipaddress.ip_address("10.0.0.1")]

    with serving(says(OK)) as server:
        assert fetch(server.url(), replace(HERE, resolve=rebinding)) == b"hello"
    assert asked == ["images.example"]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "file://localhost/etc/passwd#x.png", "ftp://h/x", "gopher://h:70/_x",
        "data:image/png;base64,AA", "javascript:alert(1)", "dict://h/", "ldap://h/", "jar:http://h!/",
        "//h/x", "h/x", "", "http://", "http:///x", "http://user@h/", "http://user:pw@h/",
        "http://h:0/", "http://h:99999/", "http://h:x/", "http://h /", "http://h\r\nX: y/",
        "http://h/\r\nHost: evil", "http://h\\@evil/", "http://h/\x00", "http://[::1%25eth0]/",
        "http://[::1/", "http://ex\u00e4mple/", "http://\u2488\u2488/", "http://h/" + "x" * 5000,
        "http://-h-/", "http://h#@evil:1:2/",
    ],
)  # fmt: skip
def test_what_is_not_plainly_http_is_refused(url: str) -> None:
    with pytest.raises((BadUrl, Unreachable)) as refused:
        fetch(url, replace(fetcher.USER, resolve=_nobody))
    assert refused.value.status == 400


def _nobody(*_: object) -> Sequence[IPAddress]:
    raise OSError("nobody knows that name")


def test_the_request_names_its_host_and_wants_no_compression() -> None:
    with serving(says(OK)) as server:
        assert fetch(server.url("/a?b=1")) == b"hello"
    head = server.heard[0].decode()
    assert head.startswith("GET /a?b=1 HTTP/1.1\r\n")
    assert f"Host: images.example:{server.port}\r\n" in head
    assert "Accept-Encoding: identity\r\n" in head


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(says(OK)) as server, serving(says(OK)) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert fetch(server.url()) == b"hello"
    assert proxy.heard == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_user_s_url_may_not_redirect(status: int) -> None:
    with serving(says(OK)) as inner:
        away = f"HTTP/1.1 {status} X\r\nLocation: {inner.url()}\r\nContent-Length: 0\r\n\r\n"
        with serving(says(away.encode())) as server, pytest.raises(BadReply):
            fetch(server.url())
    assert inner.heard == []


def hub(*hosts: str, redirects: int = 5) -> Policy:
    return replace(HERE, hosts=hosts, redirects=redirects)


def away(url: str) -> Talk:
    return says(f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode())


def test_a_hub_redirects_to_its_store_and_the_token_stays_behind() -> None:
    policy = hub("hub.example", ".store.example")
    with serving(says(OK)) as store, serving(away(store.url(host="eu.store.example"))) as server:
        url = server.url(host="hub.example")
        assert (
            fetch(url, policy, headers={"Authorization": "Bearer canary", "Range": "bytes=0-"})
            == b"hello"
        )
    assert b"canary" in server.heard[0]
    assert b"canary" not in store.heard[0]
    assert b"Range: bytes=0-" in store.heard[0]


def test_a_token_dropped_once_does_not_come_back_with_the_first_host() -> None:
    policy = hub("hub.example", "store.example")
    hops: list[str] = []

    def bounce(wire: socket.socket, heard: bytes) -> None:
        path = heard.split(b" ")[1]
        wire.sendall(OK) if path == b"/end" else wire.sendall(
            f"HTTP/1.1 302 F\r\nLocation: {hops.pop()}\r\nContent-Length: 0\r\n\r\n".encode()
        )

    with serving(bounce) as server:
        hops += [server.url("/end", "hub.example"), server.url("/2", "store.example")]
        fetch(server.url("/1", "hub.example"), policy, headers={"Authorization": "Bearer canary"})
    assert [b"canary" in heard for heard in server.heard] == [True, False, False]


def test_every_hop_of_a_hub_is_checked() -> None:
    with (
        serving(says(OK)) as evil,
        serving(away(evil.url(host="evil.example"))) as server,
        pytest.raises(HostNotAllowed) as refused,
    ):
        fetch(server.url(host="hub.example"), hub("hub.example"))
    assert (refused.value.status, evil.heard) == (403, [])


@pytest.mark.parametrize("host", ["hub.example.evil.example", "evilhub.example", "xstore.example"])
def test_a_host_that_only_looks_allowed_is_not(host: str) -> None:
    with pytest.raises(HostNotAllowed):
        fetch(f"http://{host}/", hub("hub.example", ".store.example"))


def test_a_hop_to_an_inner_address_is_refused() -> None:
    names = {"hub.example": LOOPBACK, "store.example": ipaddress.ip_address("169.254.169.254")}
    policy = replace(hub("hub.example", "store.example"), resolve=lambda host, *_: [names[host]])
    onward = away("http://store.example/latest/meta-data")
    with serving(onward) as server, pytest.raises(PrivateAddress):
        fetch(server.url(host="hub.example"), policy)


def test_hops_are_counted() -> None:
    with serving(away("/again")) as server, pytest.raises(BadReply, match="Too many"):
        fetch(server.url(host="hub.example"), hub("hub.example"))
    assert len(server.heard) == 6


def quick(seconds: float = 0.5) -> Policy:
    return replace(HERE, seconds=seconds, max_bytes=100_000)


def drip(head: bytes, piece: bytes = b"x", pause: float = 0.05) -> Talk:
    def talk(wire: socket.socket, _: bytes) -> None:
        wire.sendall(head)
        while True:
            wire.sendall(piece)
            time.sleep(pause)

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        drip(b""),
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
        drip(b"HTTP/1.1 200 OK\r\n\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        lambda *_: time.sleep(30),
    ],
)
def test_a_host_that_drips_is_left_when_the_time_is_up(talk: Talk) -> None:
    begun = time.monotonic()
    with serving(talk) as server, pytest.raises(TimedOut):
        fetch(server.url(), quick())
    assert time.monotonic() - begun < 15


def test_a_name_that_takes_long_to_resolve_is_left_too() -> None:
    begun = time.monotonic()

    def slow(host: str, port: int, seconds: float | None) -> Sequence[IPAddress]:
        assert seconds is not None
        time.sleep(seconds)
        raise TimeoutError

    with pytest.raises(TimedOut):
        fetch("http://slow.example/", replace(quick(), resolve=slow))
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize(
    "talk",
    [
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, 0),
        drip(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"8000\r\n" + b"x" * 0x8000 + b"\r\n",
            0,
        ),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000000\r\n\r\nx"),
    ],
)
def test_an_endless_reply_is_cut(talk: Talk) -> None:
    with serving(talk) as server, pytest.raises(TooBig):
        fetch(server.url(), quick(10))


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nhello",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\xff" * 50,
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
        b"",
    ],
)
def test_what_is_no_whole_plain_answer_is_refused(reply: bytes) -> None:
    with serving(says(reply)) as server, pytest.raises(fetcher.FetchFailed):
        fetch(server.url())


def test_nobody_home_is_told_without_details() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable) as refused:
            fetch(f"http://images.example:{closed.getsockname()[1]}/")
    assert "127" not in refused.value.message
    assert "refused" not in refused.value.message


def test_only_whoever_may_post_does() -> None:
    with serving(says(OK)) as server:
        with pytest.raises(BadUrl), fetcher.opened(server.url(), HERE, body=b"{}"):
            pass
        told = replace(HERE, methods=frozenset({"POST"}))
        with fetcher.opened(server.url(), told, body=b"{}") as reply:
            assert reply.status == 200
        with pytest.raises(BadUrl):
            fetch(server.url(), told)
    assert server.heard[0].startswith(b"POST ")


def test_a_policy_may_lead_to_this_machine() -> None:
    with serving(says(OK)) as server:
        assert fetch(server.url(host="localhost"), replace(fetcher.USER, private=True)) == b"hello"


def certificate(host: str, folder: Path) -> tuple[ssl.SSLContext, Callable[[], ssl.SSLContext]]:
    """A server that is `host`, and clients that trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "both.pem").write_bytes(secret + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "both.pem")
    return server, lambda: ssl.create_default_context(cadata=pem.decode())


def test_tls_asks_for_the_name_though_it_connects_to_the_number(tmp_path: Path) -> None:
    server_side, trusting = certificate("images.example", tmp_path)
    with serving(says(OK), server_side) as server:
        assert fetch(server.url(scheme="https"), replace(HERE, tls=trusting)) == b"hello"
    assert server.hellos == ["images.example"]


@pytest.mark.parametrize("host", ["other.example", "images.example.evil"])
def test_a_certificate_for_another_name_is_refused(tmp_path: Path, host: str) -> None:
    server_side, trusting = certificate("images.example", tmp_path)
    with serving(says(OK), server_side) as server, pytest.raises(BadReply):
        fetch(server.url(host=host, scheme="https"), replace(HERE, tls=trusting))
    assert server.heard == []


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    server_side, _ = certificate("images.example", tmp_path)
    with serving(says(OK), server_side) as server, pytest.raises(BadReply):
        fetch(server.url(scheme="https"))


def test_urls_of_callers_are_not_fetched_unless_allowed() -> None:
    with serving(says(OK)) as server, pytest.raises(Invalid) as refused:
        fetcher.fetch_for_user(server.url(), "image_url", HERE)
    assert (refused.value.param, server.heard) == ("image_url", [])
    assert "image_url" in refused.value.message


def test_where_they_are_allowed_a_refusal_names_the_parameter(settings: Settings) -> None:
    settings.ALICE_FETCH_USER_URLS = True
    with serving(says(OK)) as server:
        assert fetcher.fetch_for_user(server.url(), "image_url", HERE) == b"hello"
    with pytest.raises(PrivateAddress) as refused:
        fetcher.fetch_for_user("http://127.0.0.1/", "image_url")
    assert refused.value.param == "image_url"


def test_an_error_page_is_no_picture(settings: Settings) -> None:
    settings.ALICE_FETCH_USER_URLS = True
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello"
    with serving(says(missing)) as server, pytest.raises(BadReply, match="404"):
        fetcher.fetch_for_user(server.url(), "image_url", HERE)
