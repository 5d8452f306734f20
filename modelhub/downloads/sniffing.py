"""What a file is by its first bytes: what can carry code is refused before gigabytes of it came."""

from modelhub.sources.errors import NotAFile, NotUsable
from modelhub.sources.names import WEIGHTS
from modelhub.weights import LENGTH_BYTES, MAX_HEADER_BYTES

PAGES = (b"<!doctype html", b"<html", b"<head", b"<body")


def refuse(head: bytes, name: str) -> None:
    """Raises NotAFile for a page, and NotUsable for weights that are no safetensors."""
    if head.lstrip().lower().startswith(PAGES):
        raise NotAFile("A page came instead of a file: perhaps it wants a login.")
    if name.lower().endswith(WEIGHTS) and not _is_safetensors(head):
        raise NotUsable(f"{name[-80:]} is no {WEIGHTS} file, whatever it is called.")


def _is_safetensors(head: bytes) -> bool:
    length = int.from_bytes(head[:LENGTH_BYTES], "little")
    # Longer ones are refused when all of it came.
    return 2 <= length <= MAX_HEADER_BYTES and head[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{"
