"""Make an API key for a user and print it once."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import keys
from accounts.models import SCOPES, User
from accounts.problems import Problem

LONGEST_DAYS = 36500


class Command(BaseCommand):
    help = "Make an API key for a user and print it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", required=True, help="what the key is for")
        parser.add_argument(
            "--scopes",
            default="generate,read",
            help=f"comma-separated, of {', '.join(SCOPES)} (default: generate,read)",
        )
        parser.add_argument("--expires-days", type=int, help="days until it ends (default: never)")
        parser.add_argument("--rate-limit", type=int, help="requests a minute (default: the usual)")
        parser.add_argument("--quiet", action="store_true", help="print the key alone")

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["expires_days"]
        if days is not None and not 1 <= days <= LONGEST_DAYS:
            raise CommandError(f"--expires-days: a whole number from 1 to {LONGEST_DAYS}")
        expires_at = timezone.now() + timedelta(days=days) if days else None
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        try:
            key, secret = keys.mint(
                _user(options["username"]),
                options["name"],
                scopes,
                expires_at,
                options["rate_limit"],
            )
        except Problem as problem:
            raise CommandError(problem.message) from problem
        if options["quiet"]:
            self.stdout.write(secret)
            return
        self.stdout.write(f"API key {key.name!r} of {key.user} ({', '.join(key.scopes)}):")
        self.stdout.write(f"\n    {secret}\n")
        self.stdout.write("It is shown this once. Send it as 'Authorization: Bearer <key>'.")


def _user(username: str) -> User:
    user = User.objects.filter(username=username).first()
    if user is None:
        raise CommandError(f"No user is called {username!r}.")
    return user
