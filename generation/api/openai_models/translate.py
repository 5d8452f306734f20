"""A row of the catalogue as OpenAI's and ALICE's clients read it: pure functions."""

from collections.abc import Mapping, Sequence
from typing import Any

from modelhub.models import CatalogModel

OWNER = "alice"


def to_model(model: CatalogModel) -> dict[str, Any]:
    return {
        "id": model.public_id,
        "object": "model",
        "created": _created(model),
        "owned_by": OWNER,
        "ownedBy": OWNER,
        "type": "image",
    }


def to_list(models: Sequence[CatalogModel]) -> dict[str, Any]:
    return {"object": "list", "data": [to_model(model) for model in models]}


def to_info(
    model: CatalogModel,
    sizes: Sequence[Mapping[str, Any]],
    defaults: Mapping[str, Any],
    *,
    loaded: bool,
) -> dict[str, Any]:
    """`loaded`: some worker holds it in memory now."""
    return {
        "id": model.public_id,
        "family": model.family,
        "kind": model.kind,
        "nativeResolution": model.native_resolution,
        "recommendedResolutions": list(sizes),
        "sizeBytes": model.size_bytes,
        "precision": model.precision,
        "sha256": model.sha256 or None,
        "defaults": dict(defaults),
        "created": _created(model),
        "loaded": loaded,
    }


def _created(model: CatalogModel) -> int:
    return int(model.created_at.timestamp())
