"""`manage.py recount_usage`: what people have in use, counted again from jobs and pictures."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from generation import jobs


class Command(BaseCommand):
    help = "Counts what people have in use again, and sets right what is wrong; safe at any time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", help="only this user name")
        parser.add_argument("--dry-run", action="store_true", help="tell what is wrong, only")

    def handle(self, *args: Any, user: str | None, dry_run: bool, **options: Any) -> None:
        person = User.objects.filter(username=user).first() if user else None
        if user and person is None:
            raise CommandError(f"There is no user {user!r}.")
        wrong = jobs.recount(person, dry_run=dry_run)
        names = dict(
            User.objects.filter(pk__in={one.user_id for one in wrong}).values_list("pk", "username")
        )
        for one in wrong:
            self.stdout.write(
                f"{names.get(one.user_id, one.user_id)}: {one.column} was {one.was:g}, is {one.real:g}"
            )
        done = "wrong" if dry_run else "set right"
        self.stdout.write(f"{len(wrong)} counts {done}.")
