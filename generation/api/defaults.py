"""What this server does when nothing is said, and how far a request may go."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from generation import conf
from generation.engine.samplers import SAMPLERS
from generation.resolve import usual
from modelhub import catalog, preferences
from modelhub.models import CatalogModel


def defaults_of(model: CatalogModel) -> dict[str, Any]:
    """The order an empty request becomes with this model."""
    spec = usual(model)
    return {
        "steps": spec.num_inference_steps,
        "guidanceScale": spec.guidance_scale,
        "scheduler": spec.scheduler,
        "width": spec.width,
        "height": spec.height,
        "negativePrompt": spec.negative_prompt,
        "clipSkip": spec.clip_skip,
    }


def _without_model() -> dict[str, Any]:
    everywhere = conf.defaults()
    return {
        "steps": everywhere.steps,
        "guidanceScale": everywhere.guidance_scale,
        "scheduler": everywhere.scheduler,
        "width": everywhere.width or None,
        "height": everywhere.height or None,
        "negativePrompt": everywhere.negative_prompt,
        "clipSkip": 0,
    }


class DefaultsView(APIView):
    required_scope = "generate"

    def get(self, request: Request) -> Response:
        model = catalog.default(caller(request).user)
        far = preferences.limits_of(model) if model else preferences.Limits()
        return Response(
            {
                "model": model.public_id if model else None,
                **(defaults_of(model) if model else _without_model()),
                "schedulers": list(SAMPLERS),
                "limits": {
                    "promptLength": conf.MAX_PROMPT,
                    "minSide": far.min_side,
                    "maxSide": far.max_side,
                    "maxSteps": far.max_steps,
                    "maxGuidanceScale": conf.MAX_GUIDANCE,
                    "maxSeed": conf.MAX_SEED,
                    "maxImages": far.max_images,
                    "maxClipSkip": conf.MAX_CLIP_SKIP,
                    "maxMegapixelSteps": far.max_megapixel_steps,
                    "queueLimit": conf.queue_limit(),
                    "waitSeconds": conf.wait_seconds(),
                },
            }
        )


class SchedulersView(APIView):
    required_scope = "generate"

    def get(self, request: Request) -> Response:
        rows = [
            {"id": s.name, "label": s.label, "aliases": list(s.aliases)} for s in SAMPLERS.values()
        ]
        return Response({"object": "list", "data": rows, "default": conf.defaults().scheduler})
