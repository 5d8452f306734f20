"""A row of the catalogue as OpenAI's and ALICE's clients read it: pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from modelhub.api import shapes
from modelhub.models import CatalogModel
from modelhub.sizes import Size


def to_list(models: Sequence[CatalogModel]) -> dict[str, Any]:
    return {"object": "list", "data": [shapes.entry(model) for model in models]}


def to_info(
    facts: Mapping[str, Any], sizes: Sequence[Size], defaults: Mapping[str, Any], workers: int
) -> dict[str, Any]:
    """`workers`: how many hold it in memory now."""
    return {
        **facts,
        "recommendedResolutions": [asdict(size) for size in sizes],
        "defaults": dict(defaults),
        "loaded": workers > 0,
        "loadedBy": workers,
    }
