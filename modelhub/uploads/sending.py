"""The life of an upload until it is whole: the only code that makes and moves its row."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.problems import Invalid, NotFound, QuotaUsed
from modelhub import disk, home
from modelhub.models import Upload
from modelhub.uploads import names, parts

MOST_OPEN = 8
LONGEST_REST = timedelta(days=1)
# A part is lost whole with its connection: small enough to send again, large enough to be few.
PART_BYTES = 16 * 2**20
LARGEST_BYTES = 2**40


class Incomplete(Invalid):
    code = "upload_incomplete"


class WrongOffset(Invalid):
    """Where the next part begins is in the message, and in the upload's state."""

    code = "wrong_offset"


def part_bytes() -> int:
    return int(min(PART_BYTES, settings.ALICE_MAX_BODY_MB * 2**20))


@disk.named()
def start(owner: User, filename: str, size: int, sha256: str) -> Upload:
    """A new upload. Raises Invalid, AnotherFolder, NameTaken, QuotaUsed, DiskFull or DiskDown."""
    name = names.checked(filename)
    home.check()
    with parts.one_by_one(), transaction.atomic():
        if Upload.objects.filter(created_by=owner).count() >= MOST_OPEN:
            raise QuotaUsed(f"You have {MOST_OPEN} open uploads: end or delete one of them.")
        names.check_free(name, names.folders(parts.root()))
        parts.check_room(size)
        return Upload.objects.create(
            filename=name, size_bytes=size, sha256=sha256, created_by=owner
        )


def mine(owner: User, pk: UUID) -> Upload:
    """Raises NotFound, also for those of others."""
    upload = Upload.objects.filter(pk=pk, created_by=owner).first()
    if upload is None:
        raise NotFound("There is no such upload.")
    return upload


@disk.named()
def receive(upload: Upload, offset: int, body: parts.Readable, length: int) -> Upload:
    """Take the part that begins at `offset`; one that is here already changes nothing.

    Raises AtWork, WrongOffset, Invalid, DiskFull or DiskDown.
    """
    if _is_here(upload, offset, length):
        return upload
    with parts.held(upload.pk) as file:
        # Another request may have brought this very part meanwhile.
        upload = mine(upload.created_by, upload.pk)
        if _is_here(upload, offset, length):
            return upload
        parts.write(file, offset, body, length)
        rows = Upload.objects.filter(pk=upload.pk, received_bytes=offset)
        if not rows.update(received_bytes=offset + length, touched_at=timezone.now()):
            raise NotFound("There is no such upload.")
    upload.refresh_from_db()
    return upload


def _is_here(upload: Upload, offset: int, length: int) -> bool:
    """Whether the part came before; raises WrongOffset or Invalid for one that cannot be the next."""
    if length and offset + length <= upload.received_bytes:
        return True
    if offset != upload.received_bytes:
        told = f"The next part begins at {upload.received_bytes}, not at {offset}."
        raise WrongOffset(told, param="offset")
    if not length:
        raise Invalid("The part is empty.", param="offset")
    if offset + length > upload.size_bytes:
        raise Invalid(f"The file has {upload.size_bytes} bytes; this part goes beyond.")
    return False


def drop(upload: Upload) -> None:
    """Give it up. Raises AtWork while a part arrives, DiskFull or DiskDown."""
    with parts.held(upload.pk):
        discard(upload)


def discard(upload: Upload) -> None:
    """The same for who holds its file."""
    Upload.objects.filter(pk=upload.pk).delete()
    # What cannot be removed now, tidy() finds without an owner.
    with suppress(OSError):
        parts.file_of(upload.pk).unlink(missing_ok=True)


def tidy() -> int:
    """Drop what nobody touched for a day, and files that no upload owns; how many went."""
    before = timezone.now() - LONGEST_REST
    dropped = 0
    for upload in Upload.objects.filter(touched_at__lt=before):
        try:
            drop(upload)
        except parts.AtWork:
            continue
        dropped += 1
    known = {parts.file_of(pk) for pk in Upload.objects.values_list("pk", flat=True)}
    for file in parts.folder().glob("*.safetensors"):
        if file not in known and _is_old(file, before.timestamp()):
            file.unlink(missing_ok=True)
            dropped += 1
    return dropped


def _is_old(file: Path, before: float) -> bool:
    try:
        return file.stat().st_mtime < before
    except FileNotFoundError:
        return False
