"""What an uploaded file may be called, and whether something is called so already."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from accounts.problems import Invalid
from modelhub.kinds import NAMINGS

LONGEST_BYTES = 200
SUFFIX = ".safetensors"
# Separators of one system or another, and what shells and other systems make something else of.
FORBIDDEN = frozenset('/\\<>:"|?*')


class NameTaken(Invalid):
    """400 and never 409: clients repeat a 409 by themselves."""

    code = "already_exists"


def checked(filename: str) -> str:
    """The name as it will stand in the folder. Raises Invalid for what is no plain file name."""
    name = unicodedata.normalize("NFC", filename)
    if not _is_plain(name):
        raise Invalid(
            f"A file name has at most {LONGEST_BYTES} bytes, does not begin with a dot or a blank, "
            'and holds no control character and none of / \\ < > : " | ? *',
            param="filename",
        )
    if not name.lower().endswith(SUFFIX) or len(name) == len(SUFFIX):
        raise Invalid(
            "Only .safetensors files are taken: other formats can carry code.",
            code="unsupported_model_format",
            param="filename",
        )
    return name


def _is_plain(name: str) -> bool:
    if not name or name != name.strip() or name[0] == ".":
        return False
    if any(c in FORBIDDEN or unicodedata.category(c)[0] == "C" for c in name):
        return False
    return len(name.encode()) <= LONGEST_BYTES


def check_free(name: str, folders: Iterable[Path]) -> None:
    """Raises NameTaken when an entry of a folder has the name, or one that some systems and most
    eyes take for the same: in other case, or composed of other characters.
    """
    own = _folded(name)
    for folder in folders:
        entries = folder.iterdir() if folder.is_dir() else ()
        twin = next((entry.name for entry in entries if _folded(entry.name) == own), None)
        if twin is not None:
            raise NameTaken(f"There is {twin!a} already.", param="filename")


def folders(root: Path) -> list[Path]:
    """Everywhere a file may end up, by its kind."""
    return [root / folder for folder in dict.fromkeys(n.folder for n in NAMINGS.values())]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
