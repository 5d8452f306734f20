"""`manage.py index_gallery`: what an upgrade left to be indexed, now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from gallery import left_over, text_index
from gallery.alone import AtWork


class Command(BaseCommand):
    help = "Finishes the indexes that an upgrade of a large gallery began. Safe while people write."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            left_over.finish()
        except AtWork as problem:
            raise CommandError(problem.message) from None
        if not text_index.whole(connection):
            raise CommandError("The database refuses the text index; search reads more without it.")
        self.stdout.write("Everything is indexed.")
