"""Names of files and folders as others give them, made fit for the models folder."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from accounts.problems import Invalid

LONGEST = 200
# Of a file in its repository, in characters: as much as its row holds.
LONGEST_PATH = 1000
# How deep it lies. Of a pipeline nothing lies below the folders of its parts; single files may.
DEEPEST = 10
WEIGHTS = ".safetensors"
# What no file system of anybody minds, in any script; the rest becomes a line.
UNFIT = re.compile(r"[^\w.()\[\]+ -]", re.UNICODE)
# Windows means devices by these, whatever follows the dot.
DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def fit(name: str) -> str:
    """A plain file name out of whatever the other side calls it; raises Invalid when none is left."""
    composed = unicodedata.normalize("NFC", name.replace("\\", "/"))
    last = PurePosixPath(composed).name
    made = UNFIT.sub("_", last).strip(" .")
    stem, dot, ending = made.rpartition(".")
    if len(made.encode()) > LONGEST:
        made = _cut(stem or made, LONGEST - len(ending) - 1) + (dot + ending if stem else "")
    if not (stem or made).strip("_ .") or DEVICES.fullmatch(made):
        raise Invalid(f"{name[:80]!r} is no name for a file.", param="name")
    return made


def weights(name: str) -> str:
    """The same for a file of weights; raises Invalid where its ending is of a format that can carry
    code or is none that we read.
    """
    made = fit(name)
    if not made.lower().endswith(WEIGHTS):
        raise Invalid(
            f"{made[-80:]} is no {WEIGHTS} file; formats that can carry code are not fetched.",
            code="unsupported_model_format",
        )
    return made[: -len(WEIGHTS)] + WEIGHTS


def of_url(url: str) -> str:
    """The last part of the path, as people read it."""
    return unquote(PurePosixPath(urlsplit(url).path).name)


def folded(name: str) -> str:
    """Equal for names that some file system, or some reader, takes for one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def stem(name: str) -> str:
    return name[: -len(WEIGHTS)] if name.lower().endswith(WEIGHTS) else name


def inside(path: str) -> str:
    """A relative path of a repository, refused where it would lead out of its folder."""
    parts = path.split("/")
    plain = path.isprintable() and "\\" not in path and not {"", ".", ".."} & set(parts)
    short = len(parts) <= DEEPEST and all(
        len(part.encode(errors="replace")) <= LONGEST for part in parts
    )
    if not plain or not short:
        raise Invalid(f"The repository names a file {path[:80]!a}.", code="source_failed")
    return path


def twins(names: Iterable[str]) -> bool:
    """Whether two of them would be one file somewhere."""
    listed = [folded(name) for name in names]
    return len(set(listed)) < len(listed)


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")
