"""The whole server in one command: checks, prepares, starts web and worker, watches them."""

import subprocess
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from accounts.first_admin import FirstAdmin, ensure
from aliceproject import first_light, greeting, instance, preflight, systemd
from aliceproject.preparation import prepare, programs
from aliceproject.reload import Watched
from aliceproject.supervisor import Supervisor

WEB_PATIENCE_SECONDS = 120.0
# A server that was just killed may hold the port a moment longer.
PORT_PATIENCE_SECONDS = 3.0
# Beyond the workers' own grace, so that they can hand their jobs back themselves.
EXTRA_GRACE_SECONDS = 5.0


class Command(BaseCommand):
    help = "Runs the whole server until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--first-light",
            action="store_true",
            help="create the first administrator and draw a first picture where there is none",
        )
        parser.add_argument(
            "--background", action="store_true", help="return when the server is up; see `stop`"
        )
        parser.add_argument(
            "--reload", action="store_true", help="restart web and worker when a source changes"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        run = self._in_background if options["background"] else self._in_foreground
        try:
            preflight.check_python()
            preflight.check_folder(settings.ALICE_DATA_DIR, "ALICE_DATA_DIR")
            preflight.check_space(settings.ALICE_DATA_DIR, "ALICE_DATA_DIR")
            run(light=options["first_light"], reload=options["reload"])
        except (preflight.NotPossible, instance.AlreadyRunning) as problem:
            raise CommandError(str(problem)) from None

    def _in_foreground(self, *, light: bool, reload: bool) -> None:
        with instance.only_one(settings.ALICE_DATA_DIR):
            admin = self._prepare(people=light)
            watched = Watched([settings.BASE_DIR]) if reload else None
            supervisor = Supervisor(
                programs(),
                settings.ALICE_STOP_GRACE_SECONDS + EXTRA_GRACE_SECONDS,
                on_tick=lambda s: s.restart() if watched and watched.changed() else None,
            )
            herald = Herald(lambda: self._announce(admin, light=light), supervisor.stop)
            herald.start()
            supervisor.run()
        if herald.problem:
            raise CommandError(herald.problem)

    def _in_background(self, *, light: bool, reload: bool) -> None:
        with instance.only_one(settings.ALICE_DATA_DIR):
            admin = self._prepare(people=light)
        log = settings.ALICE_DATA_DIR / "alice.log"
        with log.open("ab") as output:
            server = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, sys.argv[0], "serve", *(["--reload"] if reload else [])],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        while not first_light.wait_for_web(greeting.base_url(), 1.0):
            if server.poll() is not None:
                raise CommandError(f"The server ended at once; {log} ends with:\n{_tail(log)}")
        self._announce(admin, light=light)
        self._say(f"It runs in the background; `make stop` ends it. Its log: {log}")

    def _prepare(self, *, people: bool) -> FirstAdmin | None:
        preflight.check_port(settings.ALICE_HOST, settings.ALICE_PORT, PORT_PATIENCE_SECONDS)
        prepare()
        admin = ensure() if people else None
        if admin is not None:
            self._say(greeting.secrets_text(admin))
        # What starts from here on must not share our connection.
        connections.close_all()
        return admin

    def _announce(self, admin: FirstAdmin | None, *, light: bool) -> str:
        """Say that the server is up; returns why it is not, or an empty text."""
        if not first_light.wait_for_web(greeting.base_url(), WEB_PATIENCE_SECONDS):
            return "The web process does not answer; its messages are above."
        systemd.notify("READY=1")
        self._say(greeting.ready_text(admin.key if admin else ""))
        if light and greeting.light_is_due():
            self._say("Drawing a first picture ...")
            try:
                self._say(greeting.light_text(admin))
            except first_light.NoLight as problem:
                self._say(f"No first picture: {problem}\n`manage.py doctor` looks for the reason.")
        connections.close_all()
        return ""

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


class Herald(threading.Thread):
    """Announces the server beside the supervisor, and ends it when it never comes up."""

    def __init__(self, announce: Callable[[], str], stop: Callable[[], None]) -> None:
        super().__init__(name="herald", daemon=True)
        self.announce, self.stop = announce, stop
        self.problem = ""

    def run(self) -> None:
        self.problem = self.announce()
        if self.problem:
            self.stop()


def _tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
