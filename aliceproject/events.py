"""The channel layer of one host without Redis: datagrams between processes, memory inside one.

Lossy by design: a message that cannot be taken at once is dropped, and whoever waits reads the
row again.
"""

import asyncio
import hashlib
import logging
import os
import secrets
import socket
import tempfile
import time
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgpack
from channels.layers import InMemoryChannelLayer

logger = logging.getLogger(__name__)
# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_PATH = 103
LARGEST = 128 * 1024
RETRIES, RETRY_SECONDS = 10, 0.01


class LocalChannelLayer(InMemoryChannelLayer):  # type: ignore[misc]
    """Groups span the processes of a host; channels are those of their own process.

    Each process that receives binds a socket in `folder`; senders write to all sockets there.
    """

    def __init__(self, folder: str | Path, **options: Any) -> None:
        super().__init__(**options)
        self._folder = _short(Path(folder))
        self._ear: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    async def new_channel(self, prefix: str = "specific.") -> str:
        self._open()
        return str(await super().new_channel(prefix))

    async def receive(self, channel: str) -> dict[str, Any]:
        self._open()
        message: dict[str, Any] = await super().receive(channel)
        return message

    async def group_add(self, group: str, channel: str) -> None:
        self._open()
        await super().group_add(group, channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Tell every process of this host, this one included."""
        self.require_valid_group_name(group)
        data = msgpack.packb([group, message])
        if len(data) > LARGEST:
            raise ValueError(f"A message of {len(data)} bytes is too large; at most {LARGEST}.")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as mouth:
            for path in _sockets(self._folder):
                await _send(mouth, path, data)

    async def close(self) -> None:
        self._shut()
        await super().close()

    def _open(self) -> None:
        """Listen on the running loop; on a new one, or after a fork, listen anew."""
        loop = asyncio.get_running_loop()
        if self._loop is loop and self._pid == os.getpid():
            return
        self._shut()
        _make(self._folder)
        path = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}.sock"
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._ear.bind(str(path))
        path.chmod(0o600)
        self._loop, self._pid = loop, os.getpid()
        loop.add_reader(self._ear.fileno(), self._hear)

    def _shut(self) -> None:
        if self._ear is None or self._loop is None:
            return
        # After a fork the socket and its file are the parent's.
        if self._pid == os.getpid():
            if not self._loop.is_closed():
                self._loop.remove_reader(self._ear.fileno())
            Path(self._ear.getsockname()).unlink(missing_ok=True)
        self._ear.close()
        self._ear = self._loop = None

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            while self._ear is not None:
                group, message = msgpack.unpackb(self._ear.recv(LARGEST + 1024))
                self._deliver(group, message)

    def _deliver(self, group: str, message: dict[str, Any]) -> None:
        # As the parent's group_send does, but at once, so that the order stays.
        for channel in list(self.groups.get(group, ())):
            waiting = self.channels.setdefault(
                channel, asyncio.Queue(maxsize=self.get_capacity(channel))
            )
            with suppress(asyncio.QueueFull):
                waiting.put_nowait((time.time() + self.expiry, deepcopy(message)))


async def _send(mouth: socket.socket, path: Path, data: bytes) -> None:
    for _ in range(RETRIES):
        try:
            mouth.sendto(data, str(path))
        except (BlockingIOError, InterruptedError):
            # Its queue is full: give it a moment, then leave it out.
            await asyncio.sleep(RETRY_SECONDS)
        except (ConnectionRefusedError, FileNotFoundError):
            # Its process died without tidying up.
            path.unlink(missing_ok=True)
            return
        else:
            return
    logger.debug("%s takes no more events just now", path.name)


def _sockets(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("*.sock"))
    except FileNotFoundError:
        return []


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
    if info.st_uid != os.getuid() or folder.is_symlink():
        raise PermissionError(f"{folder} belongs to somebody else; ALICE does not use it")
    if info.st_mode & 0o077:
        folder.chmod(0o700)
