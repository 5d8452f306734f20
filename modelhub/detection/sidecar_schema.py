"""What a side-car may say: keys, and what their values must be."""

from collections.abc import Mapping
from typing import Any

from modelhub import bounds
from modelhub.detection.told import MAX_TRIGGER_WORDS, PREDICTIONS, plain, words
from modelhub.values import Read, Wrong, number, scheduler, whole

MAX_ITEMS = 50


def _text(limit: int) -> Read:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise Wrong("must be a text")
        return plain(value, limit)

    return check


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("must be true or false")
    return value


def _choice(names: Mapping[str, str]) -> Read:
    def check(value: Any) -> str:
        known = names.get(value.strip().lower()) if isinstance(value, str) else None
        if known is None:
            raise Wrong(f"must be one of {', '.join(dict.fromkeys(names.values()))}")
        return known

    return check


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise Wrong(f"must be a list of at most {MAX_ITEMS} texts")
    if not all(isinstance(item, str) for item in value):
        raise Wrong("must be a list of texts")
    return [text for item in value if (text := plain(item, 200))]


def _words(value: Any) -> list[str]:
    return list(words(_texts(value)))[:MAX_TRIGGER_WORDS]


def _sizes(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise Wrong(f"must be a list of at most {MAX_ITEMS} sizes")
    return [_size(item) for item in value]


_side = whole(bounds.MIN_SIDE, bounds.MAX_SIDE)


def _size(value: Any) -> dict[str, Any]:
    """Written as [832, 1216], "832x1216" or {width, height, label}."""
    if isinstance(value, str):
        sides = value.lower().split("x")
        # Longer ones are no sizes, and Python would not even read some of them.
        value = [int(side) if side.isdecimal() and len(side) < 6 else side for side in sides]
    if isinstance(value, list) and len(value) == 2:
        value = {"width": value[0], "height": value[1]}
    if not isinstance(value, dict) or not {"width", "height"} <= value.keys():
        raise Wrong("sizes are written as [832, 1216] or {width, height, label}")
    label = _text(40)(value.get("label") or "")
    return {"width": _side(value["width"]), "height": _side(value["height"]), "label": label}


DEFAULTS: Mapping[str, Read] = {
    "steps": whole(1, bounds.MAX_STEPS),
    "guidance_scale": number(0, bounds.MAX_GUIDANCE),
    "scheduler": scheduler,
    "width": _side,
    "height": _side,
    "negative_prompt": _text(bounds.MAX_NEGATIVE_PROMPT),
    "clip_skip": whole(0, bounds.MAX_CLIP_SKIP),
}

SCHEMA: Mapping[str, Read] = {
    "model_type": _choice({"sd": "SD", "sdxl": "SDXL"}),
    "base_model": _text(200),
    "description": _text(4000),
    "merged_from": _texts,
    "title": _text(200),
    "author": _text(200),
    "license": _text(200),
    "version": _text(40),
    "tags": _texts,
    "trigger_words": _words,
    "prediction_type": _choice({name: kind.value for name, kind in PREDICTIONS.items()}),
    "recommended_resolutions": _sizes,
    "nsfw": _truth,
}
NESTED: Mapping[str, Mapping[str, Read]] = {"defaults": DEFAULTS}


def checked(
    data: Mapping[Any, Any], schema: Mapping[str, Read] = SCHEMA, within: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """What is right of `data`, and what is wrong with the rest, key by key."""
    said: dict[str, Any] = {}
    problems: list[str] = []
    for key, value in data.items():
        name = within + plain(str(key), 60)
        if key in NESTED and not within and isinstance(value, dict):
            said[key], more = checked(value, NESTED[key], f"{key}.")
            problems += more
        elif key in NESTED and not within:
            problems.append(f"{name}: must be an object of {', '.join(NESTED[key])}")
        elif key in schema:
            try:
                said[key] = schema[key](value)
            except Wrong as problem:
                problems.append(f"{name}: {problem}")
        else:
            problems.append(f"{name} is no key that is known")
    return said, problems[:MAX_ITEMS]
