"""What is wrong with this installation, and who can mend it how."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aliceproject.diagnosis import Finding, Level, examine


class Command(BaseCommand):
    help = "Looks at everything a server needs; ends with 1 when something is broken."
    # It reports them itself, beside everything else.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        broken = 0
        for finding in examine():
            broken += finding.level is Level.ERROR
            self._show(finding)
        if broken:
            raise CommandError(f"Broken: {broken}.")
        self.stdout.write("Nothing is broken.")

    def _show(self, finding: Finding) -> None:
        paint = {
            Level.OK: self.style.SUCCESS,
            Level.WARNING: self.style.WARNING,
            Level.ERROR: self.style.ERROR,
        }[finding.level]
        self.stdout.write(f"{paint(f'{finding.level:8}')}{finding.text}")
