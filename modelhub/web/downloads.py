"""/web/models/downloads: begin one, watch them come, stop and take up again."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit
from accounts.pages import PageRequest
from accounts.problems import Problem
from accounts.web.administration import staff_page
from modelhub import downloads
from modelhub.downloads import board
from modelhub.downloads.references import recognised
from modelhub.kinds import NAMINGS
from modelhub.models import Download
from modelhub.web.frame import show

DEEDS: Mapping[str, Callable[[Download, audit.Source], object]] = MappingProxyType(
    {"cancel": downloads.cancel, "resume": downloads.resume, "forget": downloads.forget}
)
# What a row offers, by its state.
BUTTONS = (
    ("cancel", "Cancel", "queued downloading verifying"),
    ("resume", "Resume", "failed cancelled"),
    ("forget", "Remove from list", "completed failed cancelled"),
)
KINDS = [(kind.value, naming.title) for kind, naming in NAMINGS.items()]


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page
def listed(request: PageRequest) -> HttpResponse:
    """The list, and the form to ask for one more."""
    if request.method == "POST":
        return _start(request)
    return _shown(request, {})


@require_POST
@staff_page
def change(request: PageRequest, pk: UUID, deed: str) -> HttpResponse:
    download = get_object_or_404(Download, pk=pk)
    try:
        DEEDS[deed](download, audit.source(request))
    except Problem as problem:
        messages.error(request, problem.message)
    return redirect("modelhub_pages:downloads")


def _start(request: PageRequest) -> HttpResponse:
    sent = {name: request.POST.get(name, "") for name in ("what", "type", "force")}
    try:
        asked = recognised(sent["what"], sent["type"], force=bool(sent["force"]))
        download = downloads.start(asked, audit.source(request))
    except Problem as problem:
        return _shown(request, sent | {"problem": problem.message}, status=problem.status)
    messages.success(request, f"{download.name} is on its way.")
    return redirect("modelhub_pages:downloads")


def _shown(request: PageRequest, sent: Mapping[str, Any], status: int = 200) -> HttpResponse:
    shown = {**board.board(), "kinds": KINDS, "deeds": BUTTONS, "sent": sent}
    return show(request, "downloads", "modelhub/downloads.html", shown, status)
