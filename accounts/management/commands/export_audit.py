"""Write the audit log to a file, or to the standard output."""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from accounts import trail, trail_files
from accounts.problems import Problem


class Command(BaseCommand):
    help = "Write the audit log, newest entry first, as CSV or JSON lines."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=list(trail_files.MEDIA), default="jsonl")
        parser.add_argument("--since", default="", help="a day or moment in ISO 8601, of UTC")
        parser.add_argument("--until", default="", help="the moment before which entries end")
        parser.add_argument("--action", default="", help="such as login_failed")
        parser.add_argument("--actor", default="", help="the name of who acted")
        parser.add_argument("--target", default="", help="a user's name, or type:id")
        parser.add_argument("--address", default="", help="where it came from")
        parser.add_argument("--output", type=Path, help="the file (default: standard output)")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = [options[name] for name in ("action", "actor", "target", "address")]
        since, until = (_moment(options[name], name) for name in ("since", "until"))
        try:
            wanted = trail.wanted(*asked, since=since, until=until)
        except Problem as refused:
            raise CommandError(refused.message) from None
        trail_files.note(wanted, options["format"])
        if options["output"] is None:
            self._write(wanted, options["format"], sys.stdout.buffer)
            return
        try:
            # For its maker alone: it tells who was where.
            options["output"].touch(mode=0o600)
            with options["output"].open("wb") as file:
                self._write(wanted, options["format"], file)
        except OSError as problem:
            raise CommandError(f"{options['output']}: {problem.strerror}") from None

    def _write(self, wanted: trail.Wanted, form: str, file: BinaryIO) -> None:
        for piece in trail_files.pieces(wanted, form):
            file.write(piece)


def _moment(text: str, name: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--{name}: a day or moment in ISO 8601") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
