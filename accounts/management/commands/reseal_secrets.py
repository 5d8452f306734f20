"""Seal everything that is kept sealed with the present secret key."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models

from accounts.sealing import SealedText, Unsealable, reseal


class Command(BaseCommand):
    help = (
        "Seal tokens and second factors with the present ALICE_SECRET_KEY: run it after that has "
        "changed, before the former one leaves ALICE_SECRET_KEY_FALLBACKS."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="say nothing when all went well")

    def handle(self, *args: Any, **options: Any) -> None:
        done, lost = 0, []
        for model, column in _columns():
            # Nothing kept, as '' or null, is nothing to seal.
            rows = model._default_manager.filter(**{f"{column}__gt": ""})  # noqa: SLF001 Django's documented name of it
            for key, sealed in rows.values_list("pk", column).order_by("pk").iterator():
                try:
                    fresh = reseal(sealed)
                except Unsealable:
                    lost.append(f"{model._meta.label} {key}")  # noqa: SLF001 as above
                    continue
                # Whoever changes it meanwhile seals it with the present key anyway.
                done += rows.filter(pk=key, **{column: sealed}).update(**{column: fresh})
        if not options["quiet"]:
            self.stdout.write(f"{done} sealed anew.")
        if lost:
            raise CommandError(f"Sealed with a secret key that is not known: {', '.join(lost)}")


def _columns() -> Iterator[tuple[type[models.Model], str]]:
    for model in apps.get_models():
        for field in model._meta.concrete_fields:  # noqa: SLF001 Django's documented way to fields
            if isinstance(field, SealedText):
                yield model, field.name
