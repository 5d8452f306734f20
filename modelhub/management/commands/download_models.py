"""`manage.py download_models`: fetch models here and now, with a bar, by the rows of the server."""

import logging
import sys
import time
from argparse import ArgumentParser, BooleanOptionalAction
from types import TracebackType
from typing import Any, Self

from django.core.management.base import BaseCommand, CommandError

from accounts.problems import Problem
from accounts.quotas import size
from modelhub import downloads
from modelhub.downloads import at_start, lanes, shapes, working
from modelhub.downloads.lease import Claim
from modelhub.downloads.places import NameTaken
from modelhub.downloads.references import recognised
from modelhub.kinds import Kind
from modelhub.models import Download

# Together with the figures that follow, less than the width of a usual terminal.
NAME, BAR, WIDTH = 18, 12, 78
# Where nobody looks at a terminal, a line so often, in seconds.
LINE_SECONDS = 10.0
EXAMPLES = (
    "org/name, org/name:file.safetensors, org/name@revision, a link to either catalogue's page or "
    "file, civitai:ID, civitai:ID@VERSION, s3://bucket/key, or any link to an allowed host; none: "
    "what the settings want at start"
)


class Command(BaseCommand):
    help = "Downloads models in the foreground. Ends with 1 when any of them failed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", nargs="*", metavar="URL_OR_ID", help=EXAMPLES)
        parser.add_argument("--type", choices=list(Kind), default="", help="what it is, if known")
        parser.add_argument(
            "--force",
            action=BooleanOptionalAction,
            default=True,
            help="fetch and replace what is installed already; --no-force leaves it alone",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        what = options["what"] or list(dict.fromkeys(at_start.wanted()))
        if not what:
            raise CommandError("Name a model; the settings want none. See --help.")
        good = [self._fetch(text, options["type"], force=options["force"]) for text in what]
        if not all(good):
            raise CommandError(f"{good.count(False)} of {len(good)} could not be downloaded.")

    def _fetch(self, text: str, kind: str, *, force: bool) -> bool:
        try:
            asked = recognised(text, kind, force=force)
            if not force and at_start.here(asked):
                return self._say(text, "is here already")
            download = downloads.start(asked)
        except NameTaken as problem:
            return self._say(text, f"is left alone: {problem.message}")
        except Problem as problem:
            self.stderr.write(f"{text}: {problem.message}")
            return False
        try:
            with Bar(self) as bar:
                lanes.here(download, bar.show)
        except KeyboardInterrupt:
            downloads.cancel(download)
            raise CommandError(
                "Cancelled. What came is kept for a week: ask for it again to go on."
            ) from None
        return self._told(download)

    def _told(self, download: Download) -> bool:
        download.refresh_from_db()
        if download.status != Download.Status.COMPLETED:
            self.stderr.write(f"{download.name}: {download.error_message or download.status}")
            return False
        where = download.model.public_id if download.model else download.target
        return self._say(
            download.name,
            f"{download.error_message or 'done'}: {where}, {size(download.done_bytes)}",
        )

    def _say(self, name: str, words: str) -> bool:
        self.stdout.write(f"{name}: {words}")
        return True


class Bar:
    """A line that is drawn again and again in a terminal, and written now and then elsewhere."""

    def __init__(self, command: BaseCommand) -> None:
        self._out = command.stdout
        self._live = sys.stdout.isatty()
        self._at = float("-inf")
        self._log = logging.getLogger(working.__name__)

    def __enter__(self) -> Self:
        # What it logs is what the command says once the bar is gone.
        self._log.disabled = self._live
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._log.disabled = False
        if self._live:
            self._out.write(f"\r{'':<{WIDTH}}\r", ending="")
            self._out.flush()

    def show(self, claim: Claim) -> None:
        now = time.monotonic()
        if not self._live and now - self._at < LINE_SECONDS:
            return
        self._at = now
        row = Download.objects.get(pk=claim.download.pk)
        row.done_bytes = claim.done
        text = _line(row)
        self._out.write(
            f"\r{text:<{WIDTH}}" if self._live else text, ending="" if self._live else "\n"
        )
        self._out.flush()


def _line(row: Download) -> str:
    share = shapes.progress(row)
    full = round(BAR * share / 100)
    left = shapes.seconds_left(row)
    name = row.name.rpartition("/")[2][:NAME]
    parts = [
        f"{name:<{NAME}} [{'#' * full}{'.' * (BAR - full)}] {share:5.1f} %",
        size(row.done_bytes),
        f"{size(row.bytes_per_second)}/s",
        f"{left // 60}:{left % 60:02d} left" if left is not None else row.status,
    ]
    return "  ".join(parts)
