"""Erase a user, pictures and files included, or go on with what a stop interrupted."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from accounts.models import User
from accounts.problems import Problem
from aliceproject.personal import erase


class Command(BaseCommand):
    help = "Erases a user for good: account, keys, jobs, albums and pictures with their files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, username: str, yes: bool, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        if not yes and _typed(f"Type {username} to erase this account: ") != username:
            raise CommandError("Nothing was erased. Where nobody can be asked, say --yes.")
        try:
            erase.start(user, audit.SYSTEM)
        except Problem as problem:
            raise CommandError(problem.message) from None
        if not erase.finish(user.pk):
            raise CommandError("Some files could not be deleted yet; the server goes on with it.")
        self.stdout.write(f"{username} is erased.")


def _typed(question: str) -> str:
    try:
        return input(question)
    except EOFError:
        return ""
