"""`manage.py cleanup_images`: the rules of retention, now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.quotas import size
from gallery import retention
from gallery.alone import AtWork

RULES = {
    "ended_shares": "Shares that ended",
    "age": "Older than ALICE_RETENTION_DAYS",
    "personal_age": "Older than their owners want",
    "size": "Over ALICE_RETENTION_GB",
}


class Command(BaseCommand):
    help = "Ends shares whose time is over and deletes what the rules of retention no longer keep."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be done, and do nothing"
        )

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        try:
            done = retention.clean(dry_run=dry_run)
        except AtWork as problem:
            raise CommandError(problem.message) from None
        verb = "would be " if dry_run else ""
        for one in done:
            self.stdout.write(
                f"{RULES[one.rule]}: {one.deleted} {verb}deleted ({size(one.freed_bytes)}), "
                f"{one.unshared} {verb}unshared"
            )
