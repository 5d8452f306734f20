"""Everything a first start needs, without starting anything."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import first_admin
from aliceproject import preflight
from aliceproject.greeting import secrets_text
from aliceproject.preparation import prepare


class Command(BaseCommand):
    help = "Migrates, installs the demonstration model and creates the first administrator."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            preflight.check_folder(settings.ALICE_DATA_DIR, "ALICE_DATA_DIR")
            preflight.check_space(settings.ALICE_DATA_DIR, "ALICE_DATA_DIR")
            prepared = prepare()
        except preflight.NotPossible as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"Database and models are ready ({prepared.models} usable).")
        admin = first_admin.ensure()
        if admin is not None:
            self.stdout.write(secrets_text(admin))
