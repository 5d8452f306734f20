"""ImageRequest + model + settings -> JobSpec + adjustments: the only place for defaults and limits."""

import math
import re
import secrets
from dataclasses import dataclass
from typing import Any

from accounts.problems import Invalid, Missing
from generation import conf
from generation.engine import samplers
from generation.engine.contract import JobSpec
from generation.errors import Adjusted
from generation.requests import ImageRequest
from modelhub import bounds, preferences
from modelhub.models import CatalogModel
from modelhub.preferences import Limits

# Drawn as words it would quietly give another picture than the one asked for.
LORA_TAG = re.compile(r"<lora:[^<>]+>", re.IGNORECASE)
# Up to here there is no guidance, and nothing is drawn for a negative prompt to be subtracted.
NO_GUIDANCE = 1.0
QUALITY_STEPS = {"low": 0.5, "medium": 1.0, "high": 1.6}


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A value that was asked for and could not be kept exactly."""

    field: str
    asked: Any
    given: Any
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {
            "field": self.field,
            "from": self.asked,
            "to": self.given,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Resolved:
    """The order, what was changed on the way, and what the caller had said."""

    spec: JobSpec
    adjustments: tuple[Adjustment, ...]
    requested: dict[str, Any]

    @property
    def megapixel_steps(self) -> float:
        spec = self.spec
        return spec.n * spec.num_inference_steps * spec.width * spec.height / 1e6


@dataclass(frozen=True, slots=True)
class Terms:
    """What one model brings to an order: its values for what is unsaid, and how far one may go."""

    model: CatalogModel
    usual: dict[str, Any]
    limits: Limits

    def whose(self, limit: str) -> str:
        """Words that tell a model's own limit from everybody's."""
        return f" for {self.model.public_id}" if limit in self.model.limits else ""


def resolve(request: ImageRequest, model: CatalogModel) -> Resolved:
    """Fill every blank; refuse what is out of range with a Problem naming the parameter."""
    terms = _terms(model)
    adjustments: list[Adjustment] = []
    spec = _spec(request, terms, adjustments)
    resolved = Resolved(spec, tuple(adjustments), request.said())
    _check_cost(resolved, terms)
    if request.strict and adjustments:
        first = adjustments[0]
        raise Adjusted(f"{first.field}: {first.reason}", param=first.field)
    return resolved


def usual(model: CatalogModel) -> JobSpec:
    """What an order becomes that says nothing but a prompt; never refused."""
    return _spec(ImageRequest(prompt="-"), _terms(model), [])


def _terms(model: CatalogModel) -> Terms:
    return Terms(model, preferences.defaults_of(model), preferences.limits_of(model))


def _spec(request: ImageRequest, terms: Terms, adjustments: list[Adjustment]) -> JobSpec:
    model = terms.model
    width, height = _size(request, terms, adjustments)
    guidance = _guidance(request, terms, adjustments)
    return JobSpec(
        task=request.task,
        model=model.public_id,
        prompt=_prompt(request.prompt, "prompt", required=True),
        negative_prompt=_negative_prompt(request, terms, guidance, adjustments),
        width=width,
        height=height,
        num_inference_steps=_steps(request, terms),
        guidance_scale=guidance,
        scheduler=_scheduler(request, terms, adjustments),
        seed=_seed(request.seed),
        n=_n(request, terms),
        clip_skip=_clip_skip(request, terms),
    )


def _prompt(text: str, param: str, *, required: bool) -> str:
    if required and not text.strip():
        raise Missing("A prompt is required.", param=param)
    if len(text) > conf.MAX_PROMPT:
        raise Invalid(f"{param} may have at most {conf.MAX_PROMPT} characters.", param=param)
    if bounds.UNSTORABLE.search(text):
        raise Invalid(f"{param} may not contain NUL or half a surrogate pair.", param=param)
    if LORA_TAG.search(text):
        raise Invalid(
            f"{param}: LoRAs are not supported yet.", param=param, code="unsupported_value"
        )
    return text


def _negative_prompt(
    request: ImageRequest, terms: Terms, guidance: float, adjustments: list[Adjustment]
) -> str:
    said = request.negative_prompt
    default = terms.usual.get("negative_prompt", conf.defaults().negative_prompt)
    text = _prompt(default if said is None else said, "negative_prompt", required=False)
    reason = _without_effect(terms.model, guidance)
    if not reason:
        return text
    # Of a default that has no effect nobody needs to hear.
    if said:
        adjustments.append(Adjustment("negative_prompt", said, "", reason))
    return ""


def _without_effect(model: CatalogModel, guidance: float) -> str:
    """Why a negative prompt would change nothing, or nothing."""
    if not model.traits.negative_prompt:
        return f"{model.traits.title} takes no negative prompt"
    if guidance <= NO_GUIDANCE:
        return f"a negative prompt has no effect at a guidance_scale of {NO_GUIDANCE:g} or less"
    return ""


def _size(request: ImageRequest, terms: Terms, adjustments: list[Adjustment]) -> tuple[int, int]:
    defaults = conf.defaults()
    multiple = terms.model.traits.multiple
    wanted = {
        "width": (request.width, defaults.width),
        "height": (request.height, defaults.height),
    }
    sides = []
    for name, (said, everywhere) in wanted.items():
        asked = _side(said, name, terms, everywhere)
        given = asked - asked % multiple
        if given != asked:
            reason = f"sides are multiples of {multiple}"
            adjustments.append(Adjustment(name, asked, given, reason))
        sides.append(given)
    return sides[0], sides[1]


def _side(said: int | None, name: str, terms: Terms, everywhere: int) -> int:
    low, high = terms.limits.min_side, terms.limits.max_side
    if said is None:
        usual = terms.usual.get(name) or everywhere or terms.model.native_resolution
        # Nobody asked for what the server does elsewhere: the model's own limits come first.
        return max(low, min(high, int(usual)))
    if not low <= said <= high:
        whose = terms.whose("min_side") or terms.whose("max_side")
        raise Invalid(f"{name} must be from {low} to {high} pixels{whose}.", param=name)
    return said


def _steps(request: ImageRequest, terms: Terms) -> int:
    most, whose = terms.limits.max_steps, terms.whose("max_steps")
    if request.num_inference_steps is not None:
        return _whole(request.num_inference_steps, "num_inference_steps", (1, most), 0, whose)
    usual = terms.usual.get("steps") or terms.model.traits.steps or conf.defaults().steps
    factor = QUALITY_STEPS[request.quality or "medium"]
    return max(1, min(most, round(usual * factor)))


def _n(request: ImageRequest, terms: Terms) -> int:
    return _whole(request.n, "n", (1, terms.limits.max_images), 1, terms.whose("max_images"))


def _clip_skip(request: ImageRequest, terms: Terms) -> int:
    usual = terms.usual.get("clip_skip", 0)
    return _whole(request.clip_skip, "clip_skip", (0, conf.MAX_CLIP_SKIP), usual)


def _guidance(request: ImageRequest, terms: Terms, adjustments: list[Adjustment]) -> float:
    said, traits = request.guidance_scale, terms.model.traits
    if said is None and not traits.guided:
        return 0.0
    if said is None:
        usual = terms.usual.get("guidance_scale", traits.guidance_scale)
        return float(conf.defaults().guidance_scale if usual is None else usual)
    if not math.isfinite(said) or not 0 <= said <= conf.MAX_GUIDANCE:
        raise Invalid(
            f"guidance_scale must be a number from 0 to {conf.MAX_GUIDANCE:g}.",
            param="guidance_scale",
        )
    if said and not traits.guided:
        reason = f"{traits.title} takes no guidance"
        adjustments.append(Adjustment("guidance_scale", said, 0.0, reason))
        return 0.0
    return float(said)


def _scheduler(request: ImageRequest, terms: Terms, adjustments: list[Adjustment]) -> str:
    asked = request.scheduler or terms.usual.get("scheduler") or conf.defaults().scheduler
    name = samplers.canonical(asked)
    if name is None:
        known = ", ".join(samplers.SAMPLERS)
        raise Invalid(f"Unknown scheduler {asked!r}; choose from {known}.", param="scheduler")
    traits = terms.model.traits
    suitable = traits.schedulers
    if not suitable or name in suitable:
        return name
    # The server's default is meant for the usual families; only a caller's own wish is news.
    if request.scheduler:
        reason = f"{traits.title} is a flow model: only {', '.join(suitable)} suits it"
        adjustments.append(Adjustment("scheduler", request.scheduler, suitable[0], reason))
    return suitable[0]


def _seed(said: int | None) -> int:
    if said is None or said == -1:
        return secrets.randbelow(conf.MAX_SEED + 1)
    return _whole(said, "seed", (0, conf.MAX_SEED), 0)


def _whole(
    value: int | None, param: str, span: tuple[int, int], default: int, whose: str = ""
) -> int:
    low, high = span
    if value is None:
        return default
    if not low <= value <= high:
        raise Invalid(f"{param} must be a whole number from {low} to {high}{whose}.", param=param)
    return value


def _check_cost(resolved: Resolved, terms: Terms) -> None:
    most = terms.limits.max_megapixel_steps
    if resolved.megapixel_steps > most:
        raise Invalid(
            f"n x steps x megapixels is {resolved.megapixel_steps:.0f}; "
            f"at most {most:.0f} are allowed{terms.whose('max_megapixel_steps')}.",
            param="num_inference_steps",
        )


def adjustments_json(resolved: Resolved) -> list[dict[str, Any]]:
    return [adjustment.to_json() for adjustment in resolved.adjustments]
