"""What a file is by its first bytes: what can carry code is refused before gigabytes of it came."""

import struct

from modelhub.sources.errors import NotAFile, NotUsable
from modelhub.sources.names import WEIGHTS

# As long as the library itself allows a header to be.
LONGEST_HEADER = 100_000_000
PAGES = (b"<!doctype html", b"<html", b"<head", b"<body")


def refuse(head: bytes, name: str) -> None:
    """Raises NotAFile for a page, and NotUsable for weights that are no safetensors."""
    if head.lstrip().lower().startswith(PAGES):
        raise NotAFile("A page came instead of a file: perhaps it wants a login.")
    if name.lower().endswith(WEIGHTS) and not _is_safetensors(head):
        raise NotUsable(f"{name[-80:]} is no {WEIGHTS} file, whatever it is called.")


def _is_safetensors(head: bytes) -> bool:
    length = struct.unpack("<Q", head[:8])[0]
    return 2 <= length <= LONGEST_HEADER and head[8:9] == b"{"
