"""Write everything that is a user's to a zip."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from accounts.models import User
from aliceproject.personal import export


class Command(BaseCommand):
    help = "Writes a user's pictures with their recipes, albums, jobs and profile to a zip."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("file", type=Path, help="the zip to make; it must not exist")

    def handle(self, *args: Any, username: str, file: Path, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        try:
            with file.open("xb") as zipped:
                audit.record(audit.Action.DATA_EXPORTED, audit.SYSTEM, user)
                for piece in export.pieces(user):
                    zipped.write(piece)
        except OSError as problem:
            raise CommandError(f"{file}: {problem.strerror}") from None
        self.stdout.write(f"Everything of {username} is in {file}.")
