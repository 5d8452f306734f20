"""Remove converted copies that nobody needs any more."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from modelhub import conversion, copies


class Command(BaseCommand):
    help = "Removes fast copies whose model is gone or has changed, and parts none of them uses."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        try:
            going, freed = conversion.prune(dry_run=dry_run)
        except copies.Busy as problem:
            raise CommandError(str(problem)) from problem
        except OSError as problem:
            raise CommandError(f"Nothing can be removed: {problem.strerror}.") from problem
        for copy in going:
            self.stdout.write(f"{copy.path.name}: {copy.size_bytes / 1e6:.0f} MB")
        would = "would be removed" if dry_run else "removed"
        self.stdout.write(f"{len(going)} copies {would}, {freed / 1e6:.0f} MB freed")
