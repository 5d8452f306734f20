"""What is asked of a catalogue and what it names, in words of ours."""

from dataclasses import asdict, dataclass
from typing import Any

# CivitAI's words for what we can run; both catalogues are told apart by them.
TYPES = (
    "Checkpoint", "LORA", "LoCon", "DoRA", "TextualInversion", "Controlnet", "VAE", "Upscaler",
)  # fmt: skip
OTHER = "Other"
LARGEST_PAGE = 100
LAST_PAGE = 100
LONGEST_QUERY = 200


class OtherShape(Exception):
    """JSON, but not what a catalogue answers."""


@dataclass(frozen=True, slots=True)
class Question:
    """`query` "" means the popular ones; no `types` means all; `page` counts from 1."""

    source: str
    query: str = ""
    types: tuple[str, ...] = ()
    limit: int = 24
    page: int = 1
    nsfw: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """`size_bytes` None and `sha256` "": the catalogue does not say. Only what we can run is
    `downloadable`.
    """

    id: str
    name: str
    size_bytes: int | None
    format: str
    sha256: str
    downloadable: bool

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "sizeBytes": self.size_bytes,
            "format": self.format,
            "sha256": self.sha256 or None,
            "downloadable": self.downloadable,
        }


@dataclass(frozen=True, slots=True)
class Version:
    """`gated`: its source hands it only to whom it allowed that."""

    id: str
    name: str
    files: tuple[File, ...]
    gated: bool = False

    def shown(self) -> dict[str, Any]:
        files = [file.shown() for file in self.files]
        return {"id": self.id, "name": self.name, "gated": self.gated, "files": files}


@dataclass(frozen=True, slots=True)
class Find:
    """One model of a catalogue: bounded, without markup; `preview` is the catalogue's own URL."""

    external_id: str
    name: str
    kind: str
    base_model: str
    author: str
    description: str
    downloads: int
    rating: float | None
    tags: tuple[str, ...]
    nsfw: bool
    versions: tuple[Version, ...]
    preview: str

    def row(self) -> dict[str, Any]:
        """The columns of Found, but for its source and its time."""
        columns = {name: value for name, value in asdict(self).items() if name != "versions"}
        words = folded(" ".join([self.name, self.author, self.base_model, *self.tags]))
        versions = [version.shown() for version in self.versions]
        return columns | {"tags": list(self.tags), "words": words, "versions": versions}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a catalogue named, in its order. `onward`: what it wants to hear for more; "": no more."""

    finds: tuple[Find, ...]
    onward: str


def folded(text: str) -> str:
    """Text as it is compared: without case."""
    return text.casefold()
