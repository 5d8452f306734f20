"""Look through the models folder and say what was found."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from modelhub.models import CatalogModel
from modelhub.scanning import scan


class Command(BaseCommand):
    help = "Reads ALICE_MODELS_DIR into the list of models; loads nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        report = scan()
        for row in CatalogModel.objects.order_by("public_id"):
            facts = [row.state, row.family, f"{row.native_resolution} px", row.precision]
            line = f"{row.public_id}: " + ", ".join(fact for fact in facts if fact)
            self.stdout.write(line + (f" ({row.detail})" if row.detail else ""))
        for name, reason in report.skipped.items():
            self.stdout.write(f"left out {name!a}: {reason}")
        self.stdout.write(
            f"{settings.ALICE_MODELS_DIR}: {len(report.added)} new, {len(report.changed)} changed, "
            f"{len(report.missing)} gone, {len(report.unchanged)} as before"
        )
