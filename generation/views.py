"""Pages that make pictures: the dashboard, and the form with every parameter."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import audit
from accounts.pages import PageRequest, page
from gallery import queries, sharing
from gallery.models import Image
from generation import conf, form
from generation.form import Choice, Filled
from generation.models import OPEN, Job
from generation.overview import board, picture, recent_images

RESUMED_JOBS = 8
STRIP_LENGTH = 16


@require_safe
@page
def dashboard(request: PageRequest) -> HttpResponse:
    return render(request, "generation/dashboard.html", {"board": board(request.user)})


@require_safe
@page
def generate(request: PageRequest) -> HttpResponse:
    """The form. `?from=` fills it with the recipe of a picture, `?prompt=` with a prompt,
    `?model=` chooses a model.
    """
    begun = Job.objects.filter(owner=request.user, status__in=OPEN).order_by("created_at")
    recent = recent_images(request.user)[:STRIP_LENGTH]
    choices, source = form.model_choices(request.user), _source(request)
    filled = _filled(request, source, choices)
    shown: dict[str, Any] = {
        "choices": choices,
        "schedulers": form.schedulers(),
        "limits": conf,
        "initial": filled.values,
        "notes": filled.notes,
        "source": source,
        "open_jobs": [str(job.pk) for job in begun[:RESUMED_JOBS]],
        "recent": [picture(image) for image in recent],
    }
    return render(request, "generation/generate.html", shown)


def _source(request: PageRequest) -> Image | None:
    """The picture whose settings are asked for; staff who read a private one leave a trace."""
    text = request.GET.get("from", "")
    if not text:
        return None
    try:
        image = queries.one(request.user, UUID(text))
    except ValueError as wrong:
        raise Http404 from wrong
    sharing.note_view(image, audit.source(request))
    return image


def _filled(request: PageRequest, source: Image | None, choices: list[Choice]) -> Filled:
    if source is not None:
        return form.filled(source.recipe, choices)
    prompt = request.GET.get("prompt", "")[: conf.MAX_PROMPT]
    return Filled({"prompt": prompt, "model": request.GET.get("model", "")})
