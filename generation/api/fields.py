"""The parameters of a picture in every spelling clients use, and the types that read them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from rest_framework import serializers

from accounts.problems import Invalid, Missing, Problem
from generation.requests import ImageRequest

MAX_QUOTED = 80

# Canonical name: what other services call it.
ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "num_inference_steps": ("steps", "step", "num_steps"),
        "guidance_scale": ("cfg_scale", "cfg"),
        "scheduler": ("sampler", "sampler_name", "scheduler_type"),
        "seed": ("rng_seed",),
        "n": ("num_images", "num_images_per_prompt"),
    }
)
CANONICAL = MappingProxyType({alias: name for name, all_ in ALIASES.items() for alias in all_})

# Parameters of other kinds of job. Unlike an unknown key they would change the picture, so a value
# is refused: nobody shall wait for a picture that ignores the input image.
UNSUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("image", "images", "image[]", "image_url", "image_urls"), "input images"),
        **dict.fromkeys(("input_image", "input_images", "input_image_urls"), "input images"),
        **dict.fromkeys(("file", "files", "init_images", "ref_images", "mask"), "input images"),
        **dict.fromkeys(("lora", "loras", "lora_paths", "lora_scales", "lora_alphas"), "LoRAs"),
    }
)

QUALITY: Mapping[str, str] = MappingProxyType(
    {
        "low": "low",
        "medium": "medium",
        "auto": "medium",
        "standard": "medium",
        "high": "high",
        "hd": "high",
        "xhigh": "high",
        "max": "high",
    }
)


class Words(serializers.CharField):
    """Text, and only text: REST framework would take a number for it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trim_whitespace": False, "required": False, **options})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Number(serializers.FloatField):
    """A finite number; true and false are none."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class OneOf(serializers.ChoiceField):
    """One of a few words. `unsupported` are words of the field's vocabulary this server lacks."""

    def __init__(
        self, choices: Sequence[str], *, unsupported: Sequence[str] = (), **options: Any
    ) -> None:
        super().__init__(choices, **{"required": False, **options})
        self.unsupported = frozenset(unsupported)

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, str) and data in self.choices:
            return data
        known = ", ".join(self.choices)
        lacking = isinstance(data, str) and data in self.unsupported
        verb = "is not supported" if lacking else "is not valid"
        raise serializers.ValidationError(
            f"{repr(data)[:MAX_QUOTED]} {verb}; choose from {known}.",
            code="unsupported_value" if lacking else "invalid_choice",
        )


class Size(serializers.Field[Any, Any, Any, Any]):
    """`WxH` in pixels as a pair, or None for `auto`."""

    def to_internal_value(self, data: Any) -> tuple[int, int] | None:
        if data in ("auto", ""):
            return None
        match = (
            re.fullmatch(r"([0-9]{1,5})[xX]([0-9]{1,5})", data) if isinstance(data, str) else None
        )
        if match is None:
            raise serializers.ValidationError(
                f"{repr(data)[:MAX_QUOTED]} is not valid; write WIDTHxHEIGHT or auto."
            )
        return int(match[1]), int(match[2])


class PictureFields(serializers.Serializer[Any]):
    """All but the prompt. Types only: `generation.resolve` knows the ranges."""

    model = Words(allow_blank=True, max_length=255)
    n = serializers.IntegerField(required=False)
    size = Size(required=False)
    quality = OneOf(tuple(QUALITY))
    negative_prompt = Words(allow_blank=True)
    width = serializers.IntegerField(required=False)
    height = serializers.IntegerField(required=False)
    num_inference_steps = serializers.IntegerField(required=False)
    guidance_scale = Number(required=False)
    scheduler = Words(allow_blank=True, max_length=64)
    seed = serializers.IntegerField(required=False)
    clip_skip = serializers.IntegerField(required=False)


@dataclass(frozen=True, slots=True)
class Said:
    """A body under canonical names, nulls left out.

    `names` leads from a canonical name back to the caller's word for it; `ignored` are the keys
    that mean nothing here.
    """

    values: dict[str, Any]
    names: dict[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    @contextmanager
    def in_own_words(self) -> Iterator[None]:
        """A Problem raised inside names the parameter as the caller did."""
        try:
            yield
        except Problem as problem:
            said = self.names.get(problem.param or "")
            if said and said != problem.param:
                problem.message = problem.message.replace(problem.param or "", said, 1)
                problem.param = said
            raise


def said(
    body: Mapping[str, Any],
    schema: type[serializers.Serializer[Any]],
    *,
    aliases: Mapping[str, str] = CANONICAL,
    prefix: str = "",
) -> Said:
    """Sort a body's keys: known to `schema` (under any alias), unsupported (refused), ignored.

    `prefix` is how the caller reaches this object from the top of the body.
    """
    known = schema().fields
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    ignored = []
    for key, value in body.items():
        name, word = aliases.get(key, key), prefix + key
        if name not in known:
            refuse_unsupported(key, value, word)
            ignored.append(word)
        elif value is not None:
            if name in values and values[name] != value:
                raise Invalid(f"{names[name]} and {word} say different things.", param=word)
            values[name], names[name] = value, word
    return Said(values, names, tuple(ignored))


def refuse_unsupported(key: str, value: Any, param: str) -> None:
    if key in UNSUPPORTED and value not in (None, "", [], {}):
        raise Invalid(
            f"{param}: {UNSUPPORTED[key]} are not supported yet.",
            param=param,
            code="unsupported_value",
        )


def validated(schema: type[serializers.Serializer[Any]], body: Said) -> dict[str, Any]:
    """What `schema` makes of the body; raises Invalid or Missing naming the first bad field."""
    serializer = schema(data=body.values)
    if not serializer.is_valid():
        raise problem_of(serializer.errors, body.names)
    return dict(serializer.validated_data)


def problem_of(errors: Any, names: Mapping[str, str]) -> Problem:
    """REST framework's tree of errors as one Problem: the first leaf, named by its path."""
    path, leaf = _first(errors)
    path = [key for key in path if key != "non_field_errors"]
    head = names.get(str(path[0]), str(path[0]))
    param = head + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path[1:])
    code = getattr(leaf, "code", "invalid")
    if code in {"required", "null", "blank"}:
        return Missing(f"{param} is required.", param=param)
    kept = code if code == "unsupported_value" else None
    return Invalid(f"{param}: {leaf}", param=param, code=kept)


def _first(errors: Any) -> tuple[list[str | int], Any]:
    path: list[str | int] = []
    while isinstance(errors, Mapping):
        key, errors = next(iter(errors.items()))
        path.append(key)
    return path, errors[0]


def picture(prompt: str, values: Mapping[str, Any], names: dict[str, str]) -> ImageRequest:
    """The ask in no dialect; notes in `names` where width and height came from `size`."""
    width, height = values.get("width"), values.get("height")
    if size := values.get("size"):
        for name, side, stated in (("width", size[0], width), ("height", size[1], height)):
            if stated not in (None, side):
                raise Invalid(f"size and {name} say different things.", param=name)
            names[name] = names.get("size", "size")
        width, height = size
    quality = values.get("quality")
    return ImageRequest(
        prompt=prompt,
        model=values.get("model") or None,
        negative_prompt=values.get("negative_prompt"),
        width=width,
        height=height,
        num_inference_steps=values.get("num_inference_steps"),
        guidance_scale=values.get("guidance_scale"),
        scheduler=values.get("scheduler"),
        seed=values.get("seed"),
        n=values.get("n"),
        clip_skip=values.get("clip_skip"),
        quality=QUALITY[quality] if quality else None,
        strict=values.get("strict", False),
    )
