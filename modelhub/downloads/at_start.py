"""Models that the settings want: asked for at every start, fetched only where they are missing."""

import logging
import re
from collections.abc import Iterator

from django.conf import settings

from accounts.problems import Problem
from modelhub.downloads import asking, places
from modelhub.downloads.asking import Asked
from modelhub.downloads.places import NameTaken
from modelhub.downloads.references import recognised
from modelhub.models import Alias, Download

logger = logging.getLogger(__name__)
Status = Download.Status
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
# Our own ids look like repositories.
OURS = ("sd/", "lora/")


def wanted() -> Iterator[str]:
    """What the settings name, as `recognised` reads it."""
    yield from settings.ALICE_DOWNLOAD_MODELS
    named = settings.ALICE_DEFAULT_MODEL
    if settings.ALICE_AUTO_DOWNLOAD and REPOSITORY.fullmatch(named) and not named.startswith(OURS):
        yield named
    if path := settings.ALICE_MODEL_S3_PATH:
        bucket = settings.S3_BUCKET_NAME
        yield path if path.startswith("s3://") else f"s3://{bucket}/{path.lstrip('/')}"


def ask() -> list[Download]:
    """Have everything wanted and missing on its way; the downloads that are new or taken up again.

    Only rows are written: nothing is asked of any other machine, and no start waits for one.
    """
    begun = []
    for text in dict.fromkeys(wanted()):
        try:
            asked = recognised(text)
            download = None if here(asked) else _begun(asked)
        except NameTaken:
            logger.info("%s: a model of this name is here already", text)
        except Problem as problem:
            logger.warning("%s cannot be downloaded: %s", text, problem.message)
        else:
            if download is not None:
                begun.append(download)
                logger.info("%s is being downloaded", download.name)
    return begun


def here(asked: Asked) -> bool:
    """Whether what was asked for came once and still lies where it was put."""
    done = asking.same(asked, (Status.COMPLETED,))
    if done is not None and (places.root() / done.target).exists():
        return True
    # A model that was put there by hand may carry the repository's name.
    named = Alias.objects.filter(name=str(asked.ref.get("repo") or "")).select_related("model")
    return any(alias.model.location.exists() for alias in named)


def _begun(asked: Asked) -> Download | None:
    if asking.same(asked, (*Download.OPEN, Status.CANCELLED)):
        # Under way; or somebody did not want it.
        return None
    if failed := asking.same(asked, (Status.FAILED,)):
        return asking.resume(failed)
    return asking.start(asked)
