"""Models as JSON, in the field names their clients know; times in Unix seconds, sizes in bytes."""

from typing import Any

from modelhub import preferences
from modelhub.detection.told import plain
from modelhub.kinds import Kind
from modelhub.models import Alias, CatalogModel
from modelhub.scanning import Report

OWNER = "alice"
MEBIBYTE = 1 << 20
# What clients of OpenAI's list sort by.
DRAWS = "image"


def entry(model: CatalogModel) -> dict[str, Any]:
    """As OpenAI's clients list a model."""
    return {
        "id": model.public_id,
        "object": "model",
        "created": created(model),
        "owned_by": OWNER,
        "ownedBy": OWNER,
        "type": DRAWS if model.kind == Kind.CHECKPOINT else model.kind,
    }


def facts(model: CatalogModel, *, staff: bool) -> dict[str, Any]:
    """All the catalogue knows of it. Paths, problems and what staff set are for staff alone."""
    duplicate = model.duplicate_of
    shown = {
        "id": model.public_id,
        "kind": model.kind,
        "family": model.family,
        "variant": model.variant or None,
        "predictionType": model.prediction_type or None,
        "nativeResolution": model.native_resolution,
        "layout": model.layout,
        "precision": model.precision,
        "sizeBytes": model.size_bytes,
        "memoryBytes": model.memory_bytes,
        "sha256": model.sha256 or None,
        "state": model.state,
        "enabled": model.enabled,
        "visibility": model.visibility,
        "isDefault": model.is_default,
        "aliases": [alias.name for alias in model.aliases.all()],
        "triggerWords": model.trigger_words,
        "limits": limits(model),
        "created": created(model),
    }
    return shown if not staff else shown | _for_staff(model, duplicate)


def _for_staff(model: CatalogModel, duplicate: CatalogModel | None) -> dict[str, Any]:
    return {
        "path": model.path,
        "detail": model.detail,
        "duplicateOf": duplicate.public_id if duplicate else None,
        "sidecar": model.sidecar,
        "sidecarProblem": model.sidecar_problem or None,
        "metadata": model.metadata,
        "source": model.source,
        "convertedBytes": model.converted_bytes,
        "conversionProblem": model.conversion_problem or None,
        "set": {
            "defaults": preferences.to_wire(model.defaults, "defaults"),
            "limits": preferences.to_wire(model.limits, "limits"),
        },
    }


def limits(model: CatalogModel) -> dict[str, Any]:
    far = preferences.limits_of(model)
    return {key.wire: getattr(far, name) for name, key in preferences.LIMITS.items()}


def addition(model: CatalogModel) -> dict[str, Any]:
    """A LoRA or an embedding, as its lists show it."""
    return {
        "id": model.public_id,
        "name": bare_name(model),
        "created": created(model),
        "sizeMb": round(model.size_bytes / MEBIBYTE, 2),
        "baseModel": model.family or None,
        "type": model.kind,
        "triggerWords": model.trigger_words,
    }


def alias(row: Alias) -> dict[str, Any]:
    return {
        "name": row.name,
        "model": row.model.public_id,
        "created": int(row.created_at.timestamp()),
    }


def report(found: Report) -> dict[str, Any]:
    left_out = [{"name": _sayable(name), "reason": why} for name, why in found.skipped.items()]
    return {"success": True, **found.counts(), "skipped": left_out}


def _sayable(name: str) -> str:
    """A file is left out for its name, too: one that is no text, or would turn ours around."""
    return plain(name.encode(errors="backslashreplace").decode())


def deleted(model_id: str, *, gone: bool, waits_for: str = "") -> dict[str, Any]:
    """As OpenAI's clients read it; a model that has to wait goes by itself a little later."""
    shown = {"id": model_id, "object": "model", "deleted": gone}
    return shown if gone else shown | {"state": CatalogModel.State.DELETING, "detail": waits_for}


def bare_name(model: CatalogModel) -> str:
    return model.public_id.split("/", maxsplit=1)[-1]


def created(model: CatalogModel) -> int:
    return int(model.created_at.timestamp())
