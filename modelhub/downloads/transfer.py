"""One file, from wherever it stopped: every byte counted, hashed and on the disk before it is whole."""

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from modelhub import moving
from modelhub.downloads import places, sniffing, sums
from modelhub.downloads.lease import Claim, Lost
from modelhub.downloads.pace import Bucket
from modelhub.models import DownloadFile
from modelhub.sources.contract import Body, Origin, Wanted
from modelhub.sources.errors import Changed, SourceFailed

logger = logging.getLogger(__name__)
REHASH_BYTES = 2**20
# Before so much has come nobody can tell what a file is.
HEAD_BYTES = 64
# A line that breaks costs no try as long as so much came over it, or a hundredth of the file.
ENOUGH_BYTES = 2**20


class WrongContent(SourceFailed):
    code = "checksum_mismatch"


class WrongSize(SourceFailed):
    code = "size_mismatch"


class Transfer:
    """A file of a claimed download on its way to `path`; `gone` tells that nobody wants it now."""

    def __init__(
        self, claim: Claim, file: DownloadFile, path: Path, line: Bucket, gone: Callable[[], bool]
    ) -> None:
        self.claim, self.file, self.path = claim, file, path
        self.part = path.with_name(path.name + places.PART)
        self.line, self.gone = line, gone
        self._sums, self._hashed = sums.Running(file), 0
        self._before = claim.done - file.done_bytes
        # Whether the beginning of what is here came in an earlier try.
        self.resumed = False
        # How often what had come was of no use to go on with.
        self.beginnings = 0

    def run(self, origin: Origin) -> None:
        """Returns when the file is whole, true and synced under its name."""
        with self._own() as stream:
            size = self._resume(stream)
            if not self._complete(size):
                size = self._fetch(origin, stream, size)
            self._finish(stream, size)

    def start_over(self, why: str) -> None:
        """Forget what came: it is the beginning of something else."""
        self._tell(why)
        self.part.unlink(missing_ok=True)
        self.file.etag = ""
        self._begin()
        self.file.save(update_fields=["etag", "done_bytes"])

    @contextmanager
    def _own(self) -> Iterator[BinaryIO]:
        """The part, for us alone. Whoever lost his lease and does not know it yet may still hold
        the one that is there: he keeps it, without its name, and what he adds reaches nobody.
        """
        self.part.parent.mkdir(parents=True, exist_ok=True)
        stream = self._locked()
        if stream is None:
            self._check_held()
            self.part.unlink(missing_ok=True)
            stream = self._locked()
        if stream is None:
            raise Changed("Somebody else writes to this file.")
        with stream:
            yield stream

    def _locked(self) -> BinaryIO | None:
        stream = self.part.open("a+b")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.close()
            return None
        return stream

    def _check_held(self) -> None:
        if not self.claim.held().exists():
            self.claim.over.set()
            raise Lost

    def _resume(self, stream: BinaryIO) -> int:
        """How many bytes are here; they are hashed again, since a power cut may have changed them."""
        size = stream.seek(0, os.SEEK_END)
        # A weak one says "much the same", which is no ground to join two halves on.
        told = self.file.etag and not self.file.etag.startswith("W/")
        unknown = not told and not sums.known(self.file)
        if (size and unknown) or (self.file.size_bytes is not None and size > self.file.size_bytes):
            self._again(stream, "nothing tells whether it is still the same file.")
            return 0
        if not size or size != self._hashed:
            self._begin()
            stream.seek(0)
            while piece := stream.read(REHASH_BYTES):
                self._sums.update(piece)
            self._hashed, self.resumed = size, size > 0
        self._count(size)
        return size

    def _fetch(self, origin: Origin, stream: BinaryIO, start: int) -> int:
        wanted = Wanted(self.file.url, start, self.file.etag)
        with origin.opened(wanted, self.gone) as body:
            if body.start != start:
                self.beginnings += 1
                self._again(stream, "the source cannot go on, or has another file by now.")
            self._announced(body)
            size = self._receive(body, stream)
        if self.file.size_bytes is not None and size != self.file.size_bytes:
            raise self._wrong(WrongSize(f"{size} bytes came instead of {self.file.size_bytes}."))
        return size

    def _complete(self, size: int) -> bool:
        return self.file.size_bytes is not None and size == self.file.size_bytes

    def _again(self, stream: BinaryIO, why: str) -> None:
        self._tell(why)
        stream.truncate(0)
        self._begin()

    def _tell(self, why: str) -> None:
        logger.warning("Download %s starts again from zero: %s", self.claim.download.pk, why)
        self.claim.held().update(error_message=f"It starts again from zero: {why}"[:500])

    def _announced(self, body: Body) -> None:
        """What the answer says before its first byte: another size is another file."""
        known = self.file.size_bytes
        if body.total is not None and known is not None and body.total != known:
            raise self._wrong(WrongSize(f"{body.total} bytes are announced instead of {known}."))
        if known is None and body.total is not None:
            places.check_room(self.claim.download, body.total, body.start)
            self.file.size_bytes = body.total
            if self.claim.download.total_bytes != body.total and not self.file.path:
                self.claim.download.total_bytes = body.total
                self.claim.write(total_bytes=body.total)
        self.file.etag = body.etag
        self.file.save(update_fields=["etag", "size_bytes"])

    def _receive(self, body: Body, stream: BinaryIO) -> int:
        size, head = body.start, b""
        enough = min(ENOUGH_BYTES, (self.file.size_bytes or ENOUGH_BYTES) // 100)
        for piece in body.pieces:
            if body.start == 0 and len(head) < HEAD_BYTES:
                head += piece[:HEAD_BYTES]
                if len(head) >= HEAD_BYTES:
                    sniffing.refuse(head, self.path.name)
            stream.write(piece)
            self._sums.update(piece)
            size += len(piece)
            self._hashed = size
            self.claim.fetched += len(piece)
            if size - body.start >= enough:
                self.claim.failures = 0
            self._count(size)
            self._limit(size)
            self.line.take(len(piece), self.claim.over.wait)
        stream.flush()
        os.fsync(stream.fileno())
        return size

    def _limit(self, size: int) -> None:
        """Nobody said how long it is: it may take what is there, and no more."""
        if self.file.size_bytes is None and size % places.SPARE_BYTES < 2**16:
            places.check_room(self.claim.download, None, 0)

    def _finish(self, stream: BinaryIO, size: int) -> None:
        self._check_held()
        self._check_alone(stream, size)
        if wrong := self._sums.wrong():
            raise self._wrong(WrongContent(f"The {wrong.title} is not the one that was announced."))
        self.part.replace(self.path)
        moving.sync(self.path.parent)
        self.file.sha256, self.file.size_bytes = self._sums.sha256(), size
        self._count(size)

    def _check_alone(self, stream: BinaryIO, size: int) -> None:
        """What was hashed is what lies on the disk, under this name."""
        ours = os.fstat(stream.fileno())
        there = self.part.stat() if self.part.exists() else None
        if there is None or not os.path.samestat(ours, there) or ours.st_size != size:
            raise Changed("Somebody else wrote to this file.")

    def _wrong(self, problem: SourceFailed) -> SourceFailed:
        """What came is of no use to go on with."""
        self.start_over(problem.message)
        return problem

    def _begin(self) -> None:
        self._sums, self._hashed, self.resumed = sums.Running(self.file), 0, False
        self._count(0)

    def _count(self, size: int) -> None:
        self.file.done_bytes = size
        self.claim.done = self._before + size
