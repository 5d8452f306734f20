"""The end of an upload: whole, as announced, harmless; then in its place, overwriting nothing."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import UUID

from django.db import transaction

from accounts import audit
from accounts.audit import Action
from accounts.models import AuditEntry, User
from accounts.problems import Invalid, NotFound
from modelhub import disk, moving, one_disk
from modelhub.kinds import NAMINGS, Kind
from modelhub.models import CatalogModel, Upload
from modelhub.uploads import judging, names, parts
from modelhub.uploads.sending import Incomplete

PIECE = 2**22


class HashMismatch(Invalid):
    """Something got lost or changed on the way: the parts are worth nothing."""

    code = "hash_mismatch"


@dataclass(frozen=True, slots=True)
class Judged:
    """What the whole file is. `sha256` was computed here."""

    sha256: str
    kind: Kind


def check_whole(upload: Upload) -> None:
    if upload.received_bytes != upload.size_bytes:
        told = f"{upload.received_bytes} of {upload.size_bytes} bytes are here."
        raise Incomplete(told)


@disk.named()
def judge(upload: Upload, file: IO[bytes]) -> Judged:
    """Reads all of the file, which takes its time, and asks no database.

    Raises HashMismatch, Invalid `unsupported_model_format`, or DiskDown.
    """
    path = parts.file_of(upload.pk)
    if os.fstat(file.fileno()).st_size != upload.size_bytes:
        raise HashMismatch("The file on disk is not as long as what was received.")
    kind = judging.kind_of(path, upload.filename)
    digest = hashlib.sha256()
    file.seek(0)
    while piece := file.read(PIECE):
        digest.update(piece)
    if upload.sha256 and digest.hexdigest() != upload.sha256:
        told = f"The file's SHA-256 is {digest.hexdigest()}, not {upload.sha256}: send it again."
        raise HashMismatch(told, param="sha256")
    return Judged(digest.hexdigest(), kind)


@disk.named()
def land(upload: Upload, judged: Judged, by: audit.Source) -> CatalogModel | None:
    """Its place among the models, and its row there; None where no scan takes it for a model.

    Raises NameTaken, OtherDisk, Invalid, DiskFull or DiskDown, and NotFound when it ended meanwhile.
    """
    folder = parts.root() / NAMINGS[judged.kind].folder
    target = folder / upload.filename
    with parts.one_by_one():
        names.check_free(upload.filename, [folder])
        _move(upload, target, judged, by)
    return judging.listed(target, judged.sha256)


def before(owner: User, pk: UUID) -> tuple[Upload, Judged, CatalogModel | None] | None:
    """What became of an upload of `owner` that has ended well, for who did not hear it; else None."""
    told = AuditEntry.objects.filter(
        action=Action.MODEL_UPLOADED,
        actor_id=owner.pk,
        target_type=Upload.__name__.lower(),
        target_id=str(pk),
    ).first()
    if told is None:
        return None
    name, kind, size = (told.detail[key] for key in ("name", "kind", "bytes"))
    judged = Judged(told.detail["sha256"], Kind(kind))
    path = (Path(NAMINGS[judged.kind].folder) / name).as_posix()
    model = CatalogModel.objects.filter(path=path).first()
    return Upload(pk=pk, filename=name, size_bytes=size), judged, model


def _move(upload: Upload, target: Path, judged: Judged, by: audit.Source) -> None:
    draft = parts.file_of(upload.pk)
    try:
        with one_disk.moves_into(target.parent), transaction.atomic():
            if not Upload.objects.filter(pk=upload.pk).delete()[0]:
                raise NotFound("There is no such upload.")
            audit.record(
                Action.MODEL_UPLOADED, by, upload,
                name=upload.filename, kind=str(judged.kind), bytes=upload.size_bytes,
                sha256=judged.sha256,
            )  # fmt: skip
            moving.link(draft, target)
    except FileExistsError:
        raise names.NameTaken(f"There is {target.name!a} already.", param="filename") from None
    moving.sync(target.parent)
    draft.unlink(missing_ok=True)
