"""One models folder for one database: the rows mirror it alone, whoever else has a copy.

A mark inside the folder tells it from any other, on whatever host and under whatever path it is
mounted. Without this a model that one host deletes would come back as a new one from the folder of
another, and what only one of them has would be missing and back by turns.
"""

import logging
import re
import secrets
import socket
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models.functions import Now

from accounts import audit
from accounts.problems import Problem
from modelhub import moving
from modelhub.models import ModelsHome

log = logging.getLogger(__name__)
FILE = ".alice-models"
MARK = re.compile(r"[0-9a-f]{32}")
# Three scans: who has not read it for so long has left it.
RECENT = timedelta(minutes=15)
COMMAND = "manage.py scan_models --take-over"


class AnotherFolder(Problem):
    """This host's folder is not the one that the database's models lie in."""

    status, type, code = 409, "invalid_request_error", "another_models_folder"


def root() -> Path:
    """This host's models folder."""
    return Path(settings.ALICE_MODELS_DIR)


def enter(by: audit.Source = audit.SYSTEM, *, take_over: bool = False) -> None:
    """Before rows are brought in line with this host's folder, or its files moved.

    The first folder becomes the home, and so does another one of the same host, or when nobody has
    read the home lately, or by `take_over`. Else raises AnotherFolder.
    """
    mark = _mark()
    home = ModelsHome.objects.first()
    if home and not take_over and (reason := _foreign(home, mark)):
        raise AnotherFolder(reason)
    if home and home.mark == mark:
        ModelsHome.objects.filter(pk=home.pk).update(**_seen())
        return
    mark = mark or _marked()
    if not mark:
        return
    ModelsHome.objects.update_or_create(pk=ModelsHome.ONLY, defaults={"mark": mark, **_seen()})
    if home and home.path != str(root()):
        log.warning("the models are those in %s from now on, no longer those in %s", root(), home)
        audit.record(audit.Action.MODELS_REFRESHED, by, None, folder=str(root()), before=str(home))


def foreign() -> str:
    """Why this host's folder may not be read into the database; empty: it may. Changes nothing."""
    home = ModelsHome.objects.first()
    return _foreign(home, _mark()) if home else ""


def check() -> None:
    """Raises AnotherFolder; changes nothing."""
    if reason := foreign():
        raise AnotherFolder(reason)


def other() -> ModelsHome | None:
    """The home where it is not this host's folder, though the next scan may make it so."""
    return ModelsHome.objects.exclude(mark=_mark()).first()


def _foreign(home: ModelsHome, mark: str) -> str:
    if home.mark == mark or home.host == socket.gethostname():
        return ""
    if not ModelsHome.objects.filter(pk=home.pk, seen_at__gt=Now() - RECENT).exists():
        return ""
    return (
        f"The models of this service lie in {home}, and {root()} of {socket.gethostname()} is"
        " another folder: it is not read, and nothing in it is deleted. Mount the same folder on"
        f" both, or make this one the home of the models with `{COMMAND}`."
    )


def _seen() -> dict[str, object]:
    return {"host": socket.gethostname(), "path": str(root()), "seen_at": Now()}


def _mark() -> str:
    with suppress(OSError, UnicodeDecodeError):
        first = (root() / FILE).read_text(encoding="ascii").partition("\n")[0]
        return first if MARK.fullmatch(first) else ""
    return ""


def _marked() -> str:
    """The mark it is given now, or that somebody else gives it at the same time; empty: it cannot
    be written to.
    """
    text = f"{secrets.token_hex(16)}\nALICE knows this folder by this mark. A copy needs none.\n"
    draft = root() / f"{FILE}.{secrets.token_hex(8)}"
    try:
        draft.write_text(text, encoding="ascii")
        with suppress(FileExistsError):
            moving.link(draft, root() / FILE)
    except OSError as problem:
        log.info("%s cannot be marked: %s", root(), problem.strerror)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return _mark()
