"""The end of a download: looked at by content, moved into place, listed, and noted."""

import logging
from pathlib import Path

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts import audit
from accounts.problems import Invalid
from modelhub import aliases, detection, hashing, scanning
from modelhub.downloads import lease, places
from modelhub.downloads.lease import Claim, Lost
from modelhub.kinds import NAMINGS, Kind
from modelhub.models import Alias, CatalogModel, Download, DownloadFile, Source
from modelhub.sources.errors import Later

logger = logging.getLogger(__name__)
Status = Download.Status


def note_verified(file: DownloadFile) -> None:
    file.verified_at = timezone.now()
    file.save(update_fields=["etag", "size_bytes", "sha256", "done_bytes", "verified_at"])


def finish(claim: Claim, files: list[DownloadFile]) -> None:
    """Everything came and is true; what it is decides where it goes."""
    download = claim.download
    found = places.of(download) / Path(download.target).name
    detection.refuse(found)
    kind = download.kind or detection.detect(found, places.of(download)).kind
    wanted = places.target(kind, found.name)
    if not download.force:
        places.check_free(found.name, kind, but=download)
    _wait_for_deletion(wanted)
    # The last moment at which it can be stopped.
    if not claim.held().filter(cancel_requested=False).update(target=_relative(wanted)):
        _stopped(claim)
        return
    places.put(found, wanted, force=download.force)
    close(claim, files, wanted)


def placed(download: Download, files: list[DownloadFile]) -> Path | None:
    """Where all of it lies already, put there by whoever died before he could say so."""
    if not files or not all(file.verified_at for file in files):
        return None
    wanted = places.root() / download.target
    found = places.of(download) / wanted.name
    if not wanted.exists() or (found.exists() and not found.samefile(wanted)):
        return None
    there = [(wanted / file.path if file.path else wanted, file.sha256) for file in files]
    same = all(path.is_file() and hashing.digest_of(path) == sha256 for path, sha256 in there)
    return wanted if same else None


def close(claim: Claim, files: list[DownloadFile], wanted: Path) -> None:
    """List what was put in place, and note that it was."""
    # What one file is made of is known by now; a folder has no single sum.
    alone = len(files) == 1 and not files[0].path
    model = scanning.look_at(wanted, files[0].sha256 if alone else "")
    _note(claim, model, _relative(wanted))
    places.remove(claim.download)


def _wait_for_deletion(wanted: Path) -> None:
    """What takes the place of a model that is to go would go with it. Raises Later."""
    rows = CatalogModel.objects.filter(path=_relative(wanted), state=CatalogModel.State.DELETING)
    if rows.exists():
        raise Later("The model of this name is still being deleted.")


def _note(claim: Claim, model: CatalogModel | None, target: str) -> None:
    download = claim.download
    with transaction.atomic():
        if model is not None:
            model.source = {"source": download.source, **download.asked}
            model.save(update_fields=["source"])
            call_by_repository(download, model)
        lease.end(
            claim,
            Status.COMPLETED,
            model=model,
            target=target,
            total_bytes=claim.done,
            error_code="",
            error_message=_another_kind(download, model),
        )
        audit.record(audit.Action.MODEL_DOWNLOADED, _asker(download), model or download,
                     name=download.name, source=download.source, path=target)  # fmt: skip


def _another_kind(download: Download, model: CatalogModel | None) -> str:
    """Whoever says what it is may be wrong: it lies where that belongs, and is what it is."""
    if model is None or not download.kind or model.kind == download.kind:
        return ""
    told, found = NAMINGS[Kind(download.kind)], NAMINGS[Kind(model.kind)]
    # A LyCORIS is a LoRA to those who list it.
    if told.folder == found.folder:
        return ""
    return f"By its content it is of the type {found.title}, not {told.title}, as was said."


def call_by_repository(download: Download, model: CatalogModel) -> None:
    """Whoever names the repository means the model: so settings of other systems work."""
    if download.source != Source.HUGGINGFACE or download.asked["file"]:
        return
    name, by = download.asked["repo"], _asker(download)
    try:
        if not Alias.objects.filter(name=name).exists():
            aliases.point(name, model, by)
    except Invalid as problem:
        logger.info("%s is no alias: %s", name, problem.message)


def _asker(download: Download) -> audit.Source:
    return audit.Source(download.created_by)


def _stopped(claim: Claim) -> None:
    """Somebody cancelled it while it was looked at; else it is no longer ours."""
    if (
        not claim.held()
        .filter(cancel_requested=True)
        .update(status=Status.CANCELLED, holder="", lease_until=None, finished_at=Now())
    ):
        raise Lost


def _relative(path: Path) -> str:
    return str(path.relative_to(places.root()))
