"""Ending a server that runs in the background."""

import os
import signal
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from aliceproject import instance


class Command(BaseCommand):
    help = "Stops the server of ALICE_DATA_DIR in order and waits until it is gone."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        pid = instance.running(settings.ALICE_DATA_DIR)
        if not pid:
            self.stdout.write("ALICE is not running.")
            return
        try:
            os.kill(pid, signal.SIGTERM)
        except PermissionError:
            raise CommandError(
                f"Process {pid} belongs to another user; stop it as that user."
            ) from None
        give_up = time.monotonic() + settings.ALICE_STOP_GRACE_SECONDS + 15
        while instance.running(settings.ALICE_DATA_DIR):
            if time.monotonic() >= give_up:
                raise CommandError(f"Process {pid} does not stop.")
            time.sleep(0.1)
        self.stdout.write("ALICE has stopped.")
