"""Take the second factor from somebody who has lost app and recovery codes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import audit, second_factor, sessions
from accounts.audit import SYSTEM, Action
from accounts.models import User


class Command(BaseCommand):
    help = "Take the second factor from somebody who has lost app and recovery codes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["username"]
        user = User.objects.filter(username=name).first()
        if user is None or second_factor.device_of(user) is None:
            raise CommandError(f"Nobody who has a second factor is called {name!r}.")
        with transaction.atomic():
            second_factor.remove(user)
            audit.record(Action.SECOND_FACTOR_REMOVED, SYSTEM, user)
            sessions.sign_out_others(user, None, SYSTEM)
        self.stdout.write(
            f"{name} signs in by the password alone now, and is signed out elsewhere."
        )
