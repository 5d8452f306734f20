"""What every source of models does: read a reference, plan its files, open one from any byte on."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from modelhub.sources.errors import TooMuch

GivenUp = Callable[[], bool]
# Each file is a row, a name on the disk and a request. The largest pipelines have some eighty.
MOST_FILES = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """A reference that has the right form; nobody was asked yet.

    `asked` is what the row keeps, `name` what people read until the source tells a better one.
    `takes` is the file or folder name it is going to need, where that is known already.
    """

    asked: Mapping[str, Any]
    name: str
    takes: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """One file to fetch. `path` is where it lies in its folder, empty for a model of one file.

    `url` holds no secret. A known `size` (bytes), `sha256` or `git_sha1` must turn out true; the
    last, which is git's name of the content, comes with a size.
    """

    path: str
    url: str
    size: int | None = None
    sha256: str = ""
    etag: str = ""
    git_sha1: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """All there is to fetch; raises TooMuch. `name` is what it will be called in the models folder.

    `kind` is the source's word, a hint; `facts` join what was asked; `roughly` is the size in
    bytes where no file tells its own.
    """

    name: str
    files: tuple[File, ...]
    kind: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    roughly: int | None = None

    def __post_init__(self) -> None:
        if len(self.files) > MOST_FILES:
            raise TooMuch(f"It has {len(self.files)} files; a model has at most {MOST_FILES}.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file from byte `start` on, as long as it still has the same `etag`."""

    url: str
    start: int = 0
    etag: str = ""


@dataclass(slots=True)
class Body:
    """What the other side sends: from `start` on, which is 0 when it could not go on.

    `total` is the length of the whole file in bytes where it was told; `name` what the other side
    calls the file.
    """

    start: int
    total: int | None
    etag: str
    pieces: Iterator[bytes]
    name: str = ""


class Origin(Protocol):
    """A source. Each call raises errors of `modelhub.sources.errors` or of the fetcher."""

    def read(self, reference: Mapping[str, Any]) -> Wish:
        """Asks nobody. Raises Invalid or Forbidden for a reference that can never be fetched."""
        ...

    def plan(self, asked: Mapping[str, Any], given_up: GivenUp) -> Plan: ...

    def opened(self, wanted: Wanted, given_up: GivenUp) -> AbstractContextManager[Body]: ...
