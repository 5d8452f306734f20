"""Names for finished files, durable and never another's. Standard library only."""

import os
from pathlib import Path


def link(draft: Path, target: Path) -> None:
    """Call the file `target`, which nothing is called: the only kind of move that never replaces.

    `draft` is another name of it afterwards, or gone. Raises FileExistsError.
    """
    try:
        os.link(draft, target)
    except FileExistsError:
        raise
    except OSError:
        # No links there: an empty file takes the name first.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        try:
            draft.replace(target)
        except OSError:
            # It would hold the name for ever.
            target.unlink()
            raise


def sync(path: Path) -> None:
    """Have a file's bytes, or the names in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
