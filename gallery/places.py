"""Where a page of the gallery begins, and the opaque words that say so in URLs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from accounts import cursors
from accounts.problems import Invalid

LARGEST_OFFSET = 10_000


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A picture's position: newest first, ties by id."""

    created_at: datetime
    id: UUID

    def cursor(self, skip: int = 0) -> str:
        """The page behind it and behind `skip` more."""
        key = f"{self.id.hex}+{skip}" if skip else self.id.hex
        return cursors.write(self.created_at, key)


@dataclass(frozen=True, slots=True)
class Start:
    """Behind a picture, or at the newest; so many more are passed over before the page."""

    before: Place | None = None
    skip: int = 0

    @classmethod
    def parse(cls, cursor: str | None, offset: int) -> Self:
        """Raises Invalid for anything that cursor() did not make, and for an offset too many."""
        if not cursor:
            return cls(skip=offset)
        created_at, (key, skip) = cursors.read(cursor, _key)
        if skip and offset:
            raise Invalid("This cursor goes on with an offset: leave it out.", param="offset")
        return cls(Place(created_at, key), skip or offset)


def _key(text: str) -> tuple[UUID, int]:
    """Raises ValueError for what is none."""
    key, mark, skip = text.partition("+")
    number = int(skip) if mark else 0
    if not 0 <= number <= LARGEST_OFFSET:
        raise ValueError(text)
    return UUID(key), number
