"""Put the triggers back that make the audit log append-only."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from accounts import append_only


class Command(BaseCommand):
    help = "Put the triggers back that make the audit log append-only."

    def handle(self, *args: Any, **options: Any) -> None:
        append_only.install(connection)
        self.stdout.write("The audit log is append-only.")
