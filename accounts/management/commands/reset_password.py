"""Give somebody a new password, end his sessions, and print it once."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import audit, sessions
from accounts.audit import SYSTEM, Action
from accounts.management.commands.create_user import PASSWORD_BYTES
from accounts.models import LOCAL_USERNAME, User


class Command(BaseCommand):
    help = "Give somebody a new password, end his sessions, and print it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--quiet", action="store_true", help="print the password alone")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None or user.username == LOCAL_USERNAME:
            raise CommandError(f"Nobody who has a password is called {options['username']!r}.")
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        user.set_password(password)
        with transaction.atomic():
            user.save(update_fields=["password"])
            audit.record(Action.PASSWORD_CHANGED, SYSTEM, user)
            sessions.sign_out_others(user, None, SYSTEM)
        if options["quiet"]:
            self.stdout.write(password)
            return
        self.stdout.write(f"The new password of {user.username}, shown this once:")
        self.stdout.write(f"\n    {password}\n")
        if not user.is_active:
            self.stdout.write("The account is deactivated: nobody can sign in to it.")
