"""Look through the models folder and say what was found."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from modelhub.home import AnotherFolder
from modelhub.kinds import NAMINGS, Kind
from modelhub.models import CatalogModel
from modelhub.scanning import scan


class Command(BaseCommand):
    help = "Reads ALICE_MODELS_DIR into the list of models; loads nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--take-over",
            action="store_true",
            help="The models are those in this host's folder from now on, not those of another host.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = scan(take_over=options["take_over"])
        except AnotherFolder as problem:
            raise CommandError(problem.message) from None
        for row in CatalogModel.objects.select_related("duplicate_of").order_by("public_id"):
            self.stdout.write(_line(row))
        for name, reason in report.skipped.items():
            self.stdout.write(f"left out {name!a}: {reason}")
        self.stdout.write(
            f"{settings.ALICE_MODELS_DIR}: {len(report.added)} new, {len(report.changed)} changed, "
            f"{len(report.moved)} moved, {len(report.missing)} gone, "
            f"{len(report.unchanged)} as before"
        )


def _line(row: CatalogModel) -> str:
    kind = "" if row.kind == Kind.CHECKPOINT else str(NAMINGS[Kind(row.kind)].title)
    side = f"{row.native_resolution} px" if row.native_resolution else ""
    facts = [row.state, kind, row.family, row.variant, side, row.precision]
    notes = [row.detail, row.sidecar_problem and f"side-car: {row.sidecar_problem}"]
    if row.duplicate_of:
        notes.append(f"the same as {row.duplicate_of.public_id}")
    said = "; ".join(note for note in notes if note)
    line = f"{row.public_id}: " + ", ".join(fact for fact in facts if fact)
    return line + (f" ({said})" if said else "")
