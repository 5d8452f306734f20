"""Pages that make pictures: the dashboard, and the form with every parameter."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.pages import PageRequest, page
from gallery import sharing
from gallery.models import Image
from generation import conf, form
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
    """The form. `?from=` fills it with the recipe of a picture, `?prompt=` with a prompt."""
    begun = Job.objects.filter(owner=request.user, status__in=OPEN).order_by("created_at")
    recent = recent_images(request.user)[:STRIP_LENGTH]
    shown: dict[str, Any] = {
        "choices": form.model_choices(),
        "schedulers": form.schedulers(),
        "limits": conf,
        "initial": _initial(request),
        "open_jobs": [str(job.pk) for job in begun[:RESUMED_JOBS]],
        "recent": [picture(image) for image in recent],
    }
    return render(request, "generation/generate.html", shown)


def _initial(request: PageRequest) -> dict[str, Any]:
    source = request.GET.get("from", "")
    if not source:
        return {"prompt": request.GET.get("prompt", "")[: conf.MAX_PROMPT]}
    try:
        image = Image.objects.filter(pk=UUID(source), state=Image.State.STORED).first()
    except ValueError as wrong:
        raise Http404 from wrong
    if image is None or not sharing.visible_to(image, request.user):
        raise Http404
    return dict(image.recipe)
