"""Install the bundled demonstration model, or mend a damaged copy of it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from modelhub import demo_install
from modelhub.scanning import scan


class Command(BaseCommand):
    help = "Copies the bundled demonstration model into ALICE_MODELS_DIR and lists it."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            written = demo_install.install()
        except (demo_install.NotBundled, OSError) as problem:
            raise CommandError(f"The demonstration model cannot be installed: {problem}") from None
        scan()
        state = "installed" if written else "already there, untouched"
        self.stdout.write(f"{demo_install.NAME}: {state}")
