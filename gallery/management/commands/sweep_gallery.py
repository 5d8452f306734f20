"""`manage.py sweep_gallery`: files and rows compared, now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.problems import Problem
from gallery import sweeping

LINES = {
    "orphans": "files that no row names, {deleted}",
    "drafts": "drafts of dead processes, {deleted}",
    "lost": "pictures whose file is gone, {marked}",
    "damaged": "pictures whose file is damaged, {marked}",
    "recovered": "lost pictures that are back",
    "thumbnails": "missing thumbnails, {mended}",
    "deletions": "interrupted deletions, finished",
    "foreign": "files that are not ALICE's, left alone",
}
DONE = {"deleted": "deleted", "marked": "marked as lost", "mended": "made again"}
WOULD = {"deleted": "to delete", "marked": "to mark as lost", "mended": "to make again"}


class Command(BaseCommand):
    help = "Finds files without a row and rows without a file. Safe while the server runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be done, and do nothing"
        )
        parser.add_argument(
            "--verify", action="store_true", help="read every picture and compare its SHA-256"
        )

    def handle(self, *args: Any, dry_run: bool, verify: bool, **options: Any) -> None:
        try:
            found = sweeping.sweep(dry_run=dry_run, verify=verify)
        except Problem as problem:
            raise CommandError(problem.message) from None
        self.stdout.write(f"{found.files} files and {found.rows} pictures compared")
        for name, text in LINES.items():
            if count := getattr(found, name):
                self.stdout.write(f"{count} {text.format_map(WOULD if dry_run else DONE)}")
        for note in found.notes:
            self.stdout.write(f"  {note}")
