"""Where the words of a tokenizer are, and what is said where they are not. Standard library only.

The libraries do not miss them: they make a tokenizer of four words, and draw something else.
"""

from collections.abc import Sequence
from pathlib import Path

WORDS = "tokenizer.json"
# CLIP's older form. T5's older form is a file that our libraries do not read.
CLIPS_WORDS = ("vocab.json", "merges.txt")
PIECES = "spiece.model"


def has_words(folder: Path, cls: str) -> bool:
    """Whether a tokenizer of class `cls` can be read from the folder."""
    older = cls.startswith("CLIP") and all((folder / name).is_file() for name in CLIPS_WORDS)
    return (folder / WORDS).is_file() or older


def has_pieces(folders: Sequence[Path]) -> bool:
    return any((folder / PIECES).is_file() for folder in folders)


def lack(folder: Path, cls: str) -> str:
    """What the folder of a model's tokenizer lacks and how to get it; empty: nothing."""
    if has_words(folder, cls):
        return ""
    name = folder.name
    alone = f"only {PIECES}, which is not read, and " if has_pieces([folder]) else ""
    return (
        f"{name} has {alone}no {WORDS}: fetch it from the model's repository into the model's folder,"
        f" as by `{command(name, 'FOLDER')}`"
    )


def command(name: str, into: str) -> str:
    return f"hf download REPOSITORY {name}/{WORDS} --local-dir {into}"
