"""Other names for models, as clients have them built in: dall-e-3 stands for a model of ours."""

import re

from django.db import transaction

from accounts import audit
from accounts.audit import Action
from accounts.problems import Invalid, NotFound
from modelhub import catalog
from modelhub.kinds import NAMINGS, Kind
from modelhub.models import Alias, CatalogModel

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]{0,254}")
# The first word of an address under /v1/models that is no model, and the last words of some.
RESERVED = frozenset(
    {"refresh", "search", "download", "cache", "loras", "embeddings", "aliases", "uploads"}
)
SUFFIXES = ("/info", "/unload", "/")
PREFIXES = tuple({naming.prefix for naming in NAMINGS.values()})


def point(name: str, model: CatalogModel, by: audit.Source) -> Alias:
    """Have `name` stand for `model`, whatever it stood for before. Raises Invalid."""
    check(name)
    if model.kind != Kind.CHECKPOINT:
        raise Invalid("Only checkpoints have aliases.", param="model")
    with transaction.atomic():
        # Locked, so that it cannot leave while we write.
        if not CatalogModel.objects.select_for_update().filter(pk=model.pk).exists():
            raise NotFound("This model is gone.", code="model_not_found", param="model")
        alias, _ = Alias.objects.update_or_create(name=name, defaults={"model": model})
        audit.record(Action.MODEL_CHANGED, by, model, model=model.public_id, alias=name)
    return alias


def remove(name: str, by: audit.Source) -> None:
    """Raises NotFound."""
    with transaction.atomic():
        alias = Alias.objects.select_related("model").filter(name=name).first()
        if alias is None:
            raise NotFound("There is no such alias.")
        model = alias.model
        alias.delete()
        audit.record(Action.MODEL_CHANGED, by, model, model=model.public_id, alias_removed=name)


def check(name: str) -> None:
    """Raises Invalid for what is no alias, or somebody else's name."""
    first = name.split("/", maxsplit=1)[0]
    if not NAME.fullmatch(name):
        raise Invalid(
            "An alias has 1 to 255 letters, digits and . _ : / + - and begins with a letter or digit.",
            param="name",
        )
    if first in RESERVED or name.startswith(PREFIXES) or name.endswith(SUFFIXES):
        raise Invalid("This name is reserved.", param="name")
    if CatalogModel.objects.filter(public_id=catalog.PREFIX + name).exists():
        raise Invalid(
            f"{catalog.PREFIX}{name} is installed: its name stays its own.",
            code="already_exists",
            param="name",
        )
