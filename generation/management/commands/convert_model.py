"""Make the fast copies of models that lie in one file."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generation import converting
from modelhub import conversion
from modelhub.catalog import PREFIX
from modelhub.models import CatalogModel


class Command(BaseCommand):
    help = "Converts single files to diffusers layout, in the format this machine computes in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID", help="models, as they are listed")
        parser.add_argument("--all", action="store_true", help="every single file without a copy")

    def handle(self, *args: Any, ids: list[str], **options: Any) -> None:
        if bool(ids) == options["all"]:
            raise CommandError("Name the models, or say --all.")
        models = conversion.without_copy() if options["all"] else [_found(name) for name in ids]
        failures = [failure for model in models if (failure := self._convert(model))]
        if failures:
            not_now = all(isinstance(failure, conversion.NotNow) for failure in failures)
            raise CommandError(
                f"{len(failures)} of {len(models)} could not be converted.",
                returncode=conversion.EXIT_NOT_NOW if not_now else 1,
            )

    def _convert(self, model: CatalogModel) -> conversion.Failed | None:
        try:
            copy = converting.convert(model)
        except conversion.Failed as problem:
            self.stderr.write(f"{model.public_id}: {problem}")
            return problem
        size = f"{copy.size_bytes / 1e6:.0f} MB"
        self.stdout.write(f"{model.public_id}: converted to {copy.dtype}, {size}")
        return None


def _found(name: str) -> CatalogModel:
    model = conversion.convertible().filter(public_id__in={name, PREFIX + name}).first()
    if model is None:
        raise CommandError(f"{name} is no usable checkpoint in one file.")
    return model
