"""The fields in which a page asks for a model's defaults and limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelhub import preferences
from modelhub.models import CatalogModel

TEXTS = frozenset({"scheduler", "negative_prompt"})
UNITS: Mapping[str, str] = dict.fromkeys(("width", "height", "min_side", "max_side"), "px")


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a group as a form shows it; an empty value leaves it to what lies below."""

    name: str
    label: str
    value: str
    below: str
    is_number: bool
    unit: str = ""


def fields(group: str, model: CatalogModel, typed: Mapping[str, str] | None = None) -> list[Field]:
    """The group's fields, with what was typed or is set, and what holds where nothing is."""
    own = getattr(model, group)
    below = _below(group, model)
    return [
        Field(
            f"{group}.{name}",
            key.label,
            (typed or {}).get(f"{group}.{name}", _text(own.get(name))),
            _text(below.get(name)),
            name not in TEXTS,
            UNITS.get(name, ""),
        )
        for name, key in preferences.TABLES[group].items()
    ]


def in_words(message: str) -> str:
    """A refusal with the names of its keys, such as limits.maxSide, as the form's labels."""
    for group, table in preferences.TABLES.items():
        for key in table.values():
            for name in {key.name, key.wire}:
                message = re.sub(rf"\b{group}\.{name}\b", f"“{key.label}”", message)
    return message


def named(param: str | None) -> str:
    """The form's name of a parameter: limits.max_side for the API's limits.maxSide."""
    group, _, said = (param or "").partition(".")
    keys = preferences.TABLES.get(group, {}).values()
    return next((f"{group}.{key.name}" for key in keys if said in (key.name, key.wire)), said)


def read(group: str, typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, for keeping.change: blank takes a value away. Nothing is judged here."""
    return {
        name: _value(name, typed[f"{group}.{name}"].strip())
        for name in preferences.TABLES[group]
        if f"{group}.{name}" in typed
    }


def _below(group: str, model: CatalogModel) -> dict[str, Any]:
    if group == "defaults":
        return preferences.defaults_of(CatalogModel(sidecar=model.sidecar))
    everywhere = preferences.Limits()
    return {name: getattr(everywhere, name) for name in preferences.LIMITS}


def _value(name: str, text: str) -> Any:
    if not text:
        return None
    return text if name in TEXTS else _number(text)


def _number(text: str) -> int | float | str:
    """A number, or the text itself, which is refused by name where it is judged."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _text(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
