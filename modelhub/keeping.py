"""What staff decide about a model: switched on or off, for whom, the default, its values."""

from typing import Any, Final

from django.db import transaction

from accounts import audit
from accounts.audit import Action
from accounts.problems import Invalid, NotFound
from modelhub import preferences
from modelhub.kinds import Kind
from modelhub.models import CatalogModel

FIELDS: Final = ("enabled", "visibility", "is_default", "defaults", "limits")


def change(
    model: CatalogModel, said: dict[str, Any], by: audit.Source, *, wire: bool = False
) -> CatalogModel:
    """Apply all that is said, or nothing; the row as it is then. Raises Invalid and NotFound.

    `said` has some of FIELDS. Of `defaults` and `limits` only the keys that are named change, null
    takes one away; `wire`: they are named as in the API.
    """
    with transaction.atomic():
        row = _locked(model, all_checkpoints="is_default" in said)
        before = {name: getattr(row, name) for name in FIELDS}
        after = before | {name: said[name] for name in said if name not in preferences.TABLES}
        for group in preferences.TABLES.keys() & said.keys():
            after[group] = preferences.merged(group, before[group], said[group], wire=wire)
        changed = {name: after[name] for name in FIELDS if after[name] != before[name]}
        _check(row, after, changed)
        if changed:
            _write(row, changed)
            told = {name: [before[name], value] for name, value in changed.items()}
            audit.record(Action.MODEL_CHANGED, by, row, model=row.public_id, changes=told)
    return row


def _locked(model: CatalogModel, *, all_checkpoints: bool) -> CatalogModel:
    """The row, for us alone. Who moves the default takes every checkpoint, always in one order, so
    that two who do it at once come one after the other.
    """
    rows = CatalogModel.objects.select_for_update().order_by("pk")
    if all_checkpoints:
        list(rows.filter(kind=Kind.CHECKPOINT).values_list("pk"))
    row = rows.filter(pk=model.pk).first()
    if row is None:
        raise NotFound("This model is gone.", code="model_not_found")
    if row.state == CatalogModel.State.DELETING:
        raise Invalid(f"{row.public_id} is being deleted.", code="model_deleted")
    return row


def _check(row: CatalogModel, after: dict[str, Any], changed: dict[str, Any]) -> None:
    if after["visibility"] not in CatalogModel.Visibility.values:
        raise Invalid("visibility is everyone or staff.", param="visibility")
    if changed.keys() & preferences.TABLES.keys():
        if row.kind != Kind.CHECKPOINT:
            raise Invalid("Only checkpoints have defaults and limits.", param=min(changed))
        preferences.check_together(after["defaults"], after["limits"])
    if not changed.get("is_default"):
        return
    if row.kind != Kind.CHECKPOINT or row.state != CatalogModel.State.READY:
        raise Invalid("Only a checkpoint that can be used is the default.", param="isDefault")
    if not after["enabled"]:
        raise Invalid("A model that is switched off is not the default.", param="isDefault")


def _write(row: CatalogModel, changed: dict[str, Any]) -> None:
    if changed.get("is_default"):
        CatalogModel.objects.filter(is_default=True).exclude(pk=row.pk).update(is_default=False)
    if changed.get("enabled") is False and "is_default" not in changed and row.is_default:
        # The next in line is the default while this one is off; switched on it would come back.
        changed["is_default"] = False
    for name, value in changed.items():
        setattr(row, name, value)
    row.save(update_fields=list(changed))
