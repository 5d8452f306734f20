"""Make an account and print its password once."""

import getpass
import secrets
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import audit, members
from accounts.audit import SYSTEM, Action
from accounts.members import Newcomer
from accounts.problems import Problem

PASSWORD_BYTES = 15


class Command(BaseCommand):
    help = "Make an account and print its password once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--email", default="", help="where to reach the person")
        parser.add_argument("--staff", action="store_true", help="may look after people and models")
        parser.add_argument("--ask", action="store_true", help="ask for a password: make none up")
        parser.add_argument("--quiet", action="store_true", help="print the password alone")

    def handle(self, *args: Any, **options: Any) -> None:
        username, email = options["username"], options["email"]
        made_up = "" if options["ask"] else secrets.token_urlsafe(PASSWORD_BYTES)
        password = made_up or getpass.getpass(f"Password of {username}: ")
        try:
            members.check(username, email, password)
            newcomer = Newcomer(username, email, make_password(password))
            with transaction.atomic():
                user = members.create(newcomer, staff=options["staff"])
                audit.record(Action.REGISTERED, SYSTEM, user, staff=user.is_staff)
        except Problem as problem:
            raise CommandError(problem.message) from problem
        if options["quiet"]:
            self.stdout.write(made_up)
            return
        role = "staff" if user.is_staff else "a plain user"
        self.stdout.write(f"{user.username} has an account now, as {role}.")
        if made_up:
            self.stdout.write(f"\n    {made_up}\n")
            self.stdout.write("The password is shown this once; it can be changed at /web/account.")
