"""The channel layer of one host without Redis: datagrams between processes, memory inside one.

Lossy by design: a message that cannot be taken at once is dropped, and whoever waits reads the
row again.
"""

import asyncio
import hashlib
import logging
import os
import secrets
import select
import socket
import tempfile
import time
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, finalize

import msgpack
from channels.layers import BaseChannelLayer, InMemoryChannelLayer

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_PATH = 103
LARGEST = 128 * 1024
RETRIES, RETRY_SECONDS = 10, 0.01
logger = logging.getLogger(__name__)


class LocalChannelLayer(BaseChannelLayer):  # type: ignore[misc]
    """Groups span the processes of a host; a channel is known to the loop that made it.

    Each loop that receives binds a socket in `folder`; senders write to all sockets there.
    """

    extensions = ["groups", "flush"]

    def __init__(self, folder: str | Path, **options: Any) -> None:
        super().__init__(**options)
        self._folder = _short(Path(folder))
        self._options = options
        self._ears: WeakKeyDictionary[asyncio.AbstractEventLoop, Ear] = WeakKeyDictionary()

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Tell every process of this host, this one included. Raises ValueError when too large."""
        self.require_valid_group_name(group)
        data = msgpack.packb([group, message])
        if len(data) > LARGEST:
            raise ValueError(f"A message of {len(data)} bytes is too large; at most {LARGEST}.")
        with _datagrams() as mouth:
            for path in sorted(self._folder.glob("*.sock")):
                await _send(mouth, path, data)

    async def group_add(self, group: str, channel: str) -> None:
        await self._ear().group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        await self._ear().group_discard(group, channel)

    async def new_channel(self, prefix: str = "specific.") -> str:
        return str(await self._ear().new_channel(prefix))

    async def receive(self, channel: str) -> dict[str, Any]:
        message: dict[str, Any] = await self._ear().receive(channel)
        return message

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        await self._ear().send(channel, message)

    async def flush(self) -> None:
        await self._ear().flush()

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        if ear := self._ears.pop(loop, None):
            loop.remove_reader(ear.fileno)
            ear.shut()

    def doorbell(self) -> "Doorbell":
        return Doorbell(self._folder)

    def _ear(self) -> "Ear":
        loop = asyncio.get_running_loop()
        for former in [known for known in list(self._ears) if known.is_closed()]:
            self._ears.pop(former).shut()
        if loop not in self._ears:
            self._ears[loop] = Ear(loop, self._folder, **self._options)
        return self._ears[loop]


class Ear(InMemoryChannelLayer):  # type: ignore[misc]
    """What one loop hears: a bound socket and the channels its messages go to."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path, **options: Any) -> None:
        super().__init__(**options)
        _make(folder)
        path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.sock"
        self._socket = _datagrams()
        self._socket.bind(str(path))
        path.chmod(0o600)
        self.fileno = self._socket.fileno()
        loop.add_reader(self.fileno, self._hear)
        # Also when the loop or the process ends without a word.
        self.shut = finalize(loop, _forget, self._socket, path, os.getpid())

    def _hear(self) -> None:
        with suppress(BlockingIOError, OSError):
            while True:
                group, message = msgpack.unpackb(self._socket.recv(LARGEST + 1024))
                self._deliver(group, message)

    def _deliver(self, group: str, message: dict[str, Any]) -> None:
        # As the parent's group_send does, but at once, so that the order stays.
        for channel in list(self.groups.get(group, ())):
            waiting = self.channels.setdefault(
                channel, asyncio.Queue(maxsize=self.get_capacity(channel))
            )
            with suppress(asyncio.QueueFull):
                waiting.put_nowait((time.time() + self.expiry, deepcopy(message)))


class Doorbell:
    """Hears that something happened on this host, not what: for a process that waits for work."""

    def __init__(self, folder: Path) -> None:
        _make(folder)
        path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.sock"
        self._socket = _datagrams()
        self._socket.bind(str(path))
        path.chmod(0o600)
        self.shut = finalize(self, _forget, self._socket, path, os.getpid())

    def wait(self, seconds: float) -> None:
        """Return at the next event, or after `seconds`. What was heard is forgotten."""
        select.select([self._socket], [], [], seconds)
        with suppress(BlockingIOError):
            while True:
                self._socket.recv(1)


async def _send(mouth: socket.socket, path: Path, data: bytes) -> None:
    for _ in range(RETRIES):
        try:
            mouth.sendto(data, str(path))
        except BlockingIOError:
            # Its queue is full: give it a moment, then leave it out.
            await asyncio.sleep(RETRY_SECONDS)
        except (ConnectionRefusedError, FileNotFoundError):
            # Its process died without tidying up.
            path.unlink(missing_ok=True)
            return
        else:
            return
    logger.debug("%s takes no more events just now", path.name)


def _datagrams() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.settimeout(0)
    return made


def _forget(ear: socket.socket, path: Path, pid: int) -> None:
    ear.close()
    # A forked child inherits the duty, not the file.
    if os.getpid() == pid:
        path.unlink(missing_ok=True)


def _short(folder: Path) -> Path:
    """The folder itself, or where its path is too long for a socket one under the temporary one."""
    longest = folder / f"{2**22}-{'0' * 8}.sock"
    if len(os.fsencode(longest)) <= LONGEST_PATH:
        return folder
    digest = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"alice-{os.getuid()}-{digest}"


def _make(folder: Path) -> None:
    """A folder that only we can enter. Raises PermissionError where somebody else laid it out."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    info = folder.lstat()
    if folder.is_symlink() or info.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else; ALICE does not use it")
    if info.st_mode & 0o077:
        folder.chmod(0o700)
