"""Django's flush, which says why it empties no database with an audit log in it."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import flush
from django.db import DEFAULT_DB_ALIAS, connections

from accounts import append_only


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        if append_only.installed(connections[options.get("database") or DEFAULT_DB_ALIAS]):
            raise CommandError(
                "flush would delete the audit log, which is append-only. To start over, stop the "
                "server and remove the database itself, or begin with another ALICE_DATA_DIR."
            )
        super().handle(**options)
