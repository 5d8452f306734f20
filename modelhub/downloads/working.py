"""One download from its claim to its end: plan, files, check, place."""

import logging
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.db import transaction

from accounts.problems import Problem
from modelhub import disk, fetcher
from modelhub.downloads import finishing, lease, places
from modelhub.downloads.lease import Claim, Lost
from modelhub.downloads.pace import Bucket
from modelhub.downloads.transfer import Transfer, WrongContent
from modelhub.models import CatalogModel, Download, DownloadFile
from modelhub.sources import ORIGINS
from modelhub.sources.contract import Origin, Plan
from modelhub.sources.errors import PASSING, Changed, Later

logger = logging.getLogger(__name__)
Status = Download.Status
# So often in a row it may fail with nothing coming, and longer than this nobody waits in between.
MOST_FAILURES = 8
# So often a file may be begun anew: it turned out to be another, or cannot be gone on with.
MOST_BEGINNINGS = 3
LONGEST_PAUSE = 300.0
# A line that broke while something came is taken up again at once, or nearly.
BREATH_SECONDS = 0.1
UNEXPECTED = "An unexpected error ended this download; the log tells more."

Gone = Callable[[], bool]


class Work:
    """A claimed download; `leaving` tells that this process wants to go and give it back."""

    def __init__(self, claim: Claim, line: Bucket, leaving: Gone) -> None:
        self.claim, self.line, self.leaving = claim, line, leaving
        self.download = claim.download
        self.origin: Origin = ORIGINS[self.download.source]

    def run(self) -> None:
        """Returns when it ended, waits for another try, was given back or is no longer ours."""
        try:
            self._run()
        except Lost:
            self._left()
        except fetcher.Abandoned:
            self._given_up()
        except PASSING as problem:
            self._again(problem)
        except Problem as problem:
            self._failed(problem.code, problem.message)
        except OSError as error:
            refused = disk.refusal(error)
            if refused is None:
                self._failed("internal_error", UNEXPECTED)
                raise
            self._failed(refused.code, refused.message)
        except Exception:
            self._failed("internal_error", UNEXPECTED)
            raise

    def _run(self) -> None:
        if self.claim.failures >= MOST_FAILURES:
            return self._failed("worker_lost", "Whoever worked at it died each time.")
        files = list(self.download.files.all())
        if wanted := finishing.placed(self.download, files):
            self.claim.done = sum(file.size_bytes or 0 for file in files)
            return finishing.close(self.claim, files, wanted)
        if not files:
            plan = self.origin.plan(self.download.asked, self.gone)
            if model := self._here_already(plan):
                return self._have(model)
            files = self._note(plan)
        self._count(files)
        for file in files:
            self._fetch(file)
        self.claim.write(status=Status.VERIFYING)
        return finishing.finish(self.claim, files)

    def gone(self) -> bool:
        return self.claim.over.is_set() or self.leaving()

    def _here_already(self, plan: Plan) -> CatalogModel | None:
        """The very file, under whatever name."""
        sums = [file.sha256 for file in plan.files]
        if self.download.force or len(sums) != 1 or not sums[0]:
            return None
        ready = CatalogModel.objects.filter(sha256=sums[0], state=CatalogModel.State.READY)
        return ready.first()

    def _have(self, model: CatalogModel) -> None:
        self.claim.done = model.size_bytes
        places.remove(self.download)
        with transaction.atomic():
            finishing.call_by_repository(self.download, model)
            lease.end(
                self.claim,
                Status.COMPLETED,
                model=model,
                target=model.path,
                total_bytes=model.size_bytes,
                error_message=f"It was here already, as {model.public_id}.",
            )

    def _note(self, plan: Plan) -> list[DownloadFile]:
        """Write the plan down, so that whoever goes on with it fetches the very same files."""
        download = self.download
        places.check_no_shelf(plan.name, plan.kind or download.kind)
        if not download.force:
            places.check_free(plan.name, plan.kind or download.kind, but=download)
        sizes = [file.size for file in plan.files]
        known = [size for size in sizes if size is not None]
        total = sum(known) if len(known) == len(sizes) else plan.roughly
        places.check_room(download, total, 0)
        download.kind = download.kind or plan.kind
        download.asked = {**download.asked, **plan.facts}
        download.target, download.total_bytes = plan.name, total
        with transaction.atomic():
            self.claim.write(
                kind=download.kind,
                asked=download.asked,
                target=plan.name,
                name=_shown(download, plan.facts),
                total_bytes=total,
            )
            return DownloadFile.objects.bulk_create(
                DownloadFile(
                    download=download, path=file.path, url=file.url, size_bytes=file.size,
                    sha256=file.sha256, git_sha1=file.git_sha1, etag=file.etag,
                )
                for file in plan.files
            )  # fmt: skip

    def _count(self, files: list[DownloadFile]) -> None:
        """What lies on the disk is what there is, whatever the rows say after a crash."""
        for file in files:
            path = place(self.download, file)
            part = path.with_name(path.name + places.PART)
            file.done_bytes = next((p.stat().st_size for p in (path, part) if p.is_file()), 0)
        self.claim.done = sum(file.done_bytes for file in files)
        places.check_room(self.download, self.download.total_bytes, self.claim.done)

    def _fetch(self, file: DownloadFile) -> None:
        path = place(self.download, file)
        if file.verified_at and path.is_file():
            return
        # Synced under its name, yet not noted: it is hashed again rather than believed.
        if path.is_file():
            path.replace(path.with_name(path.name + places.PART))
        transfer = Transfer(self.claim, file, path, self.line, self.gone)
        replaced = 0
        while not self._whole(transfer):
            replaced += transfer.file.done_bytes == 0
            if max(replaced, transfer.beginnings) > MOST_BEGINNINGS:
                raise Changed(
                    "The line breaks, and the source cannot go on: it sends all of the file anew, or "
                    "another one, each time."
                )
        finishing.note_verified(file)

    def _whole(self, transfer: Transfer) -> bool:
        """One try; False where the next may be had at once."""
        before = self.claim.fetched
        try:
            transfer.run(self.origin)
        except Changed as problem:
            transfer.start_over(problem.message)
            return False
        except WrongContent:
            # Half of it came earlier, over another line or before a power cut.
            if not transfer.resumed:
                raise
            return False
        except PASSING:
            self.claim.failures += 1
            stuck = self.claim.fetched == before or self.claim.failures >= MOST_FAILURES
            if stuck or self.gone():
                # Counted where it is put off.
                self.claim.failures -= 1
                raise
            self.claim.over.wait(BREATH_SECONDS)
            return False
        return True

    def _given_up(self) -> None:
        if self.claim.over.is_set():
            return self._left()
        try:
            lease.give_back(self.claim)
        except Lost:
            self._left()

    def _again(self, problem: Problem) -> None:
        """The other side may do better later."""
        if self.claim.over.is_set():
            return self._left()
        self.claim.failures += 1
        if self.claim.failures >= MOST_FAILURES:
            return self._failed(problem.code, problem.message)
        asked = problem.seconds if isinstance(problem, Later) else 0.0
        pause = max(asked, min(LONGEST_PAUSE, 2.0**self.claim.failures))
        pause *= random.uniform(1.0, 1.25)  # noqa: S311 so that they do not all come back at once
        logger.info("Download %s is tried again in %.0f s: %s", self.download.pk, pause, problem)
        try:
            lease.give_back(self.claim, pause, error_message=problem.message)
        except Lost:
            self._left()
        return None

    def _failed(self, code: str, message: str) -> None:
        logger.warning("Download %s failed: %s: %s", self.download.pk, code, message)
        try:
            lease.end(self.claim, Status.FAILED, error_code=code, error_message=message)
        except Lost:
            self._left()

    def _left(self) -> None:
        """Cancelled ones keep what came, to go on with; of deleted ones nothing stays."""
        if not Download.objects.filter(pk=self.download.pk).exists():
            places.remove(self.download)


def place(download: Download, file: DownloadFile) -> Path:
    """Where a file of a download lies until all of it is there."""
    whole = places.of(download) / Path(download.target).name
    return whole / file.path if file.path else whole


def _shown(download: Download, facts: Mapping[str, Any]) -> str:
    """The name people know it by, where the source tells a better one than the number asked for."""
    return str(facts.get("title") or download.name)[:255]
