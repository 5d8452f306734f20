"""The web process: HTTP and websockets on the address of the settings."""

import gc
import logging
import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.urls import get_resolver

from aliceproject import orphans


def settle() -> None:
    """Load what answers requests, and spare it the collector: none of it ever becomes garbage.

    Looking through all of it again held up every so many requests for a tenth of a second.
    """
    list(get_resolver().url_patterns)
    gc.collect()
    gc.freeze()


class Command(BaseCommand):
    help = "Serves HTTP and websockets on ALICE_HOST:ALICE_PORT. `serve` starts it for you."
    # The supervisor has checked already; a restart must be quick.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        # Importing it installs Twisted's reactor, which other commands must not do.
        from aliceproject.asgi import application
        from aliceproject.server import Server

        orphans.watch_parent()
        limit = settings.ALICE_MAX_BODY_MB * 2**20
        settle()
        server = Server(application, settings.ALICE_HOST, settings.ALICE_PORT, limit)
        server.run()
        if server.failure:
            self.stderr.write(self.style.ERROR(server.failure))
        self._leave(int(bool(server.failure)))

    def _leave(self, status: int) -> None:
        """End at once: collecting what hangs in a stopped loop has crashed the interpreter.

        A supervisor would read that, and the threads it may wait for, as a failure of the server.
        """
        logging.shutdown()
        self.stdout.flush()
        self.stderr.flush()
        os._exit(status)
