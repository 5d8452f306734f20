"""The one way out: every outbound request of ALICE, each under a policy.

FetchFailed        400 fetch_failed
├── TooBig, TimedOut, BadReply, Unreachable, Abandoned
addresses.BadUrl, addresses.PrivateAddress   400
HostNotAllowed     403 host_not_allowed
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin

from django.conf import settings

from accounts.problems import Forbidden, Invalid
from modelhub import addresses
from modelhub.addresses import BadUrl, IPAddress, PrivateAddress, Target

PIECE_BYTES = 2**16
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What proves who we are to the first host is nobody else's business.
SECRETS = frozenset({"authorization", "cookie", "x-api-key"})
MB = 10**6
# Whoever waits for a silent server learns this soon, in seconds, that he need not wait any more.
HEED_SECONDS = 0.25

Resolve = Callable[[str, int, float | None], Sequence[IPAddress]]


class FetchFailed(Invalid):
    code = "fetch_failed"


class TooBig(FetchFailed):
    """More bytes than the policy allows, announced or sent."""


class TimedOut(FetchFailed):
    """Not finished within the policy's time, or silent for too long."""


class BadReply(FetchFailed):
    """No HTTP, a redirect where none is followed, compressed, or shorter than announced."""


class Unreachable(FetchFailed):
    """No such name, or nobody answers there."""


class Abandoned(FetchFailed):
    """Whoever asked does not want it any more."""


class HostNotAllowed(Forbidden):
    code = "host_not_allowed"


@dataclass(frozen=True, slots=True)
class Policy:
    """Where a request may go and what it may cost.

    `hosts`: exact names, or `.suffixes`; None means any. `private`: also addresses of this machine
    and its network; `inside`: those too, but for these hosts, or `host:port`, only. `allowed`: single addresses that
    count as public. `seconds`: for all of it, None for no limit; `stall`: without a byte.
    `given_up` is asked while waiting. Sizes in bytes.
    """

    hosts: tuple[str, ...] | None = None
    private: bool = False
    inside: frozenset[str] = frozenset()
    redirects: int = 0
    max_bytes: int | None = 20 * MB
    seconds: float | None = 15.0
    stall: float = 15.0
    methods: frozenset[str] = frozenset({"GET"})
    allowed: frozenset[IPAddress] = frozenset()
    resolve: Resolve = addresses.resolve
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context
    given_up: Callable[[], bool] = bool


# A URL that some caller sent: anywhere public, once, small and soon.
USER = Policy()
# A model hub: named hosts only, and what they redirect to; files of any size.
HUB = Policy(hosts=(), redirects=5, max_bytes=None, seconds=None, stall=60.0)


@dataclass(slots=True)
class Reply:
    """An answer whose body is read as it comes. `url` is where it finally came from."""

    url: str
    status: int
    headers: Mapping[str, str]
    _source: http.client.HTTPResponse = field(repr=False)
    _max_bytes: int | None

    @property
    def announced(self) -> int | None:
        """The length of the body in bytes, where the other side told it."""
        return self._source.length

    def pieces(self) -> Iterator[bytes]:
        """The body, piece by piece. Raises TooBig, TimedOut or BadReply on the way."""
        announced, got = self._source.length, 0
        if announced is not None and self._max_bytes is not None and announced > self._max_bytes:
            raise TooBig(f"The reply has {announced} bytes; at most {self._max_bytes}.")
        with _named():
            while piece := self._source.read1(PIECE_BYTES):
                got += len(piece)
                if self._max_bytes is not None and got > self._max_bytes:
                    raise TooBig(f"The reply has more than {self._max_bytes} bytes.")
                yield piece
        if announced is not None and got < announced:
            raise BadReply("The reply ended early.")

    def read(self) -> bytes:
        return b"".join(self.pieces())


@contextmanager
def opened(
    url: str,
    policy: Policy,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    method: str = "",
) -> Iterator[Reply]:
    """The answer to one request; GET, or POST where there is a `body`.

    Every address a name stands for is checked, and then that very address is connected to, on
    each hop anew. Environment proxies are not used. Raises the errors named above.
    """
    verb = method or ("GET" if body is None else "POST")
    if verb not in policy.methods:
        raise BadUrl(f"{verb} is not allowed here.")
    end = None if policy.seconds is None else time.monotonic() + policy.seconds
    sent, target, hops = dict(headers or {}), addresses.parse(url), 0
    while True:
        with _exchanged(target, policy, end, verb, sent, body) as source:
            if source.status not in REDIRECTS or "Location" not in source.headers:
                yield _reply(target, source, policy)
                return
            onward = _onward(target, source, policy, hops)
        if onward.origin != target.origin:
            sent = {name: value for name, value in sent.items() if name.lower() not in SECRETS}
        target, hops = onward, hops + 1
        verb, body = ("GET", None) if source.status == 303 else (verb, body)


def fetch_for_user(url: str, param: str, policy: Policy = USER) -> bytes:
    """The body of a caller's own URL. Off unless ALICE_FETCH_USER_URLS; refusals name `param`."""
    if not settings.ALICE_FETCH_USER_URLS:
        raise Invalid(
            f"{param}: this server fetches no URLs (ALICE_FETCH_USER_URLS); send the data itself.",
            code="unsupported_value",
            param=param,
        )
    try:
        with opened(url, policy) as reply:
            if reply.status != http.client.OK:
                raise BadReply(f"The URL answered {reply.status}.")
            return reply.read()
    except (Invalid, Forbidden) as problem:
        problem.param = param
        raise


def _reply(target: Target, source: http.client.HTTPResponse, policy: Policy) -> Reply:
    coding = source.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in {"identity", ""}:
        # Asked for none: what unfolds here unfolds without limit.
        raise BadReply("The reply is compressed.")
    url = f"{target.scheme}://{target.authority}{target.path}"
    return Reply(url, source.status, dict(source.headers), source, policy.max_bytes)


def _onward(target: Target, source: http.client.HTTPResponse, policy: Policy, hops: int) -> Target:
    if hops >= policy.redirects:
        raise BadReply("The URL redirects." if not policy.redirects else "Too many redirects.")
    here = f"{target.scheme}://{target.authority}{target.path}"
    onward = addresses.parse(urljoin(here, source.headers["Location"]))
    if (target.scheme, onward.scheme) == ("https", "http"):
        raise BadReply("The URL redirects from https to http.")
    return onward


@contextmanager
def _exchanged(
    target: Target,
    policy: Policy,
    end: float | None,
    verb: str,
    sent: Mapping[str, str],
    body: bytes | None,
) -> Iterator[http.client.HTTPResponse]:
    """One request to one host, and its answer up to the body."""
    clock = Clock(end, policy.stall, policy.given_up)
    with _named():
        wire = _connected(target, policy, clock)
    try:
        with _named():
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = Wire(wire, clock)
            own = {"Host": target.authority, "Accept-Encoding": "identity", "Connection": "close"}
            connection.request(verb, target.path, body, {"User-Agent": "ALICE", **sent, **own})
            answer = connection.getresponse()
        yield answer
    finally:
        wire.close()


def _connected(target: Target, policy: Policy, clock: "Clock") -> socket.socket:
    """A socket to an address that was checked, not to a name that may mean another by then."""
    _check_host(target, policy)
    found = policy.resolve(target.host, target.port, clock.left())
    if not policy.private and not _is_inside(target, policy):
        for address in found:
            # One private address among public ones is an attempt, or will be on the next try.
            if address not in policy.allowed and not addresses.is_public(address):
                raise PrivateAddress("The URL leads to an address that is not public.")
    wire = _first(found, target.port, clock)
    if target.scheme == "http":
        return wire
    try:
        wire.settimeout(clock.left())
        return policy.tls().wrap_socket(wire, server_hostname=target.host)
    except BaseException:
        wire.close()
        raise


def _check_host(target: Target, policy: Policy) -> None:
    host = target.host
    if policy.hosts is None or _is_inside(target, policy):
        return
    if not any(host == name or (name[:1] == "." and host.endswith(name)) for name in policy.hosts):
        raise addresses.refusal(host) or HostNotAllowed(f"Nothing is fetched from {host}.")


def _is_inside(target: Target, policy: Policy) -> bool:
    return not policy.inside.isdisjoint({target.host, f"{target.host}:{target.port}"})


def _first(found: Sequence[IPAddress], port: int, clock: "Clock") -> socket.socket:
    failed: OSError | None = None
    for address in found:
        try:
            return socket.create_connection((str(address), port), timeout=clock.left())
        except OSError as error:
            failed = error
    raise failed or OSError("the name has no address")


@dataclass(frozen=True, slots=True)
class Clock:
    """Until when the whole exchange may take, and how long it may be silent."""

    end: float | None
    stall: float
    given_up: Callable[[], bool] = bool

    def left(self) -> float:
        if self.end is None:
            return self.stall
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, self.stall)


class Wire:
    """The part of a socket that http.client uses, each step of it under the clock.

    A plain timeout starts anew with every byte: a server that drips would hold us for ever.
    """

    def __init__(self, wire: socket.socket, clock: Clock) -> None:
        self._wire = wire
        self._clock = clock

    def sendall(self, data: bytes) -> None:
        self._wire.settimeout(self._clock.left())
        self._wire.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Timed(self._wire, self._clock))

    def close(self) -> None:
        """Whoever opened the real one closes it, when the body is read."""


class _Timed(io.RawIOBase):
    def __init__(self, wire: socket.socket, clock: Clock) -> None:
        self._wire = wire
        self._clock = clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        silent_until = time.monotonic() + self._clock.left()
        while True:
            if self._clock.given_up():
                raise Abandoned("Nobody waits for it any more.")
            left = silent_until - time.monotonic()
            self._wire.settimeout(max(0.001, min(left, HEED_SECONDS)))
            try:
                return self._wire.recv_into(buffer)
            except TimeoutError:
                if left <= HEED_SECONDS:
                    raise


@contextmanager
def _named() -> Iterator[None]:
    """What goes wrong on the line, in our words: none of them tells what the other side said."""
    try:
        yield
    except TimeoutError:
        raise TimedOut("The URL takes too long.") from None
    except ssl.SSLError:
        raise BadReply("The URL's certificate or its TLS is not valid.") from None
    except http.client.HTTPException:
        raise BadReply("The URL does not answer in HTTP.") from None
    except OSError:
        raise Unreachable("The URL cannot be reached.") from None
