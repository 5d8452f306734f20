"""The signing key: given by the operator, or made once and kept in the data directory."""

import os
import secrets
import tempfile
from pathlib import Path

from aliceproject.env import SettingError

MINIMUM_LENGTH = 50


def load_or_create(given: str, data_dir: Path) -> str:
    """The operator's key, or the one in data_dir/secret_key (mode 0600), made if absent.

    A given key shorter than 50 characters raises SettingError: a weak key signs sessions and links.
    So does a folder that cannot be written to.
    """
    if given:
        return _long_enough(given, "ALICE_SECRET_KEY")
    file = data_dir / "secret_key"
    try:
        if not file.exists():
            _create(file)
    except OSError as problem:
        raise SettingError(
            f"{data_dir} cannot be written to ({problem.strerror}). Make room, give this user the "
            "right to write, or set ALICE_DATA_DIR to another folder."
        ) from None
    return _long_enough(file.read_text().strip(), str(file))


def _create(file: Path) -> None:
    # The first thing ever kept here: what follows is private too, whatever its own mode.
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp: a name of its own, even between containers whose process numbers are equal.
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_urlsafe(64))
            stream.flush()
            os.fsync(stream.fileno())
        # Two processes may start at once: the first link wins and both read the same key.
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _long_enough(key: str, source: str) -> str:
    if len(key) < MINIMUM_LENGTH:
        raise SettingError(f"{source}: a secret key needs at least {MINIMUM_LENGTH} characters")
    return key
