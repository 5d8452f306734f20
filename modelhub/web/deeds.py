"""What staff do on the pages of models. Everything works without JavaScript."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit, signing_in
from accounts.audit import Action
from accounts.pages import PageRequest
from accounts.problems import Problem
from accounts.web.administration import staff_page
from modelhub import aliases, deleting, demo_install, keeping, scanning
from modelhub.models import CatalogModel
from modelhub.signals import answers, let_go
from modelhub.web import forms
from modelhub.web.frame import show
from modelhub.web.models import detail, visible


@dataclass(frozen=True, slots=True)
class Deed:
    """What a button changes, and what is said afterwards. `{}` is the model's id."""

    said: Mapping[str, Any]
    done: str


DEEDS = {
    "enable": Deed({"enabled": True}, "{} is switched on."),
    "disable": Deed({"enabled": False}, "{} is switched off."),
    "make-default": Deed({"is_default": True}, "{} is the default now."),
    "no-default": Deed({"is_default": False}, "{} is not the default any more."),
    "for-everybody": Deed({"visibility": "everyone"}, "{} is for everybody now."),
    "for-staff": Deed({"visibility": "staff"}, "{} is for staff only now."),
}


@require_POST
@staff_page
def refresh(request: PageRequest) -> HttpResponse:
    try:
        report = scanning.scan(audit.source(request))
    except Problem as refused:
        messages.error(request, refused.message)
        return redirect("modelhub_pages:models")
    words = "{added} new, {changed} changed, {moved} moved, {missing} gone, {unchanged} as before."
    said = words.format_map(report.counts())
    messages.success(request, f"The models folder was looked through: {said}")
    for name, reason in report.skipped.items():
        messages.error(request, f"Left out {name!a}: {reason}")
    return redirect("modelhub_pages:models")


@require_POST
@staff_page
def change(request: PageRequest, pk: int, deed: str) -> HttpResponse:
    """Do one of DEEDS."""
    model = get_object_or_404(CatalogModel, pk=pk)
    if deed not in DEEDS:
        raise Http404
    chosen = DEEDS[deed]
    try:
        keeping.change(model, dict(chosen.said), audit.source(request))
    except Problem as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, chosen.done.format(model.public_id))
    return _back(request, model)


@require_POST
@staff_page
def unload(request: PageRequest, pk: int) -> HttpResponse:
    model = get_object_or_404(CatalogModel, pk=pk)
    workers: int = sum(answers(let_go, model=model))
    source = audit.source(request)
    audit.record(Action.MODEL_CHANGED, source, model, model=model.public_id, unload=workers)
    if workers:
        messages.success(request, f"{model.public_id} leaves memory before the next job.")
    else:
        messages.success(request, f"No worker holds {model.public_id}.")
    return _back(request, model)


@require_POST
@staff_page
def values(request: PageRequest, pk: int) -> HttpResponse:
    """Set the defaults and limits that the form names; a blank field takes one away."""
    model = visible(request, pk)
    typed = request.POST.dict()
    said = {group: forms.read(group, typed) for group in ("defaults", "limits")}
    return _tried(
        request,
        model,
        lambda: keeping.change(model, dict(said), audit.source(request)),
        f"The values of {model.public_id} are kept.",
    )


@require_POST
@staff_page
def add_alias(request: PageRequest, pk: int) -> HttpResponse:
    model, name = visible(request, pk), request.POST.get("name", "").strip()
    return _tried(
        request,
        model,
        lambda: aliases.point(name, model, audit.source(request)),
        f"{name} stands for {model.public_id} now.",
    )


@require_POST
@staff_page
def remove_alias(request: PageRequest, pk: int) -> HttpResponse:
    model, name = visible(request, pk), request.POST.get("name", "")
    if not model.aliases.filter(name=name.replace("\0", "")).exists():
        raise Http404
    aliases.remove(name, audit.source(request))
    messages.success(request, f"{name} stands for nothing any more.")
    return redirect("modelhub_pages:model", model.pk)


@require_http_methods(["GET", "POST"])
@staff_page
@signing_in.recent
def delete(request: PageRequest, pk: int) -> HttpResponse:
    """Asks first; a stolen session must not do it."""
    model = visible(request, pk)
    if request.method != "POST":
        context = {"model": model, "returns": model.path == demo_install.NAME}
        return show(request, "models", "modelhub/delete.html", context)
    name = model.public_id
    try:
        gone = deleting.delete(model, audit.source(request))
    except Problem as refused:
        messages.error(request, refused.message)
        return redirect("modelhub_pages:model", model.pk)
    said = f"{name} is deleted." if gone else f"{name} is to go: {deleting.waits_for(model)}."
    messages.success(request, said)
    return redirect("modelhub_pages:models")


def _tried(
    request: PageRequest, model: CatalogModel, deed: Callable[[], object], done: str
) -> HttpResponse:
    """The model's page again: with `done`, or with what was typed and why it is refused."""
    try:
        deed()
    except Problem as refused:
        return detail(request, model, request.POST.dict(), refused)
    messages.success(request, done)
    return redirect("modelhub_pages:model", model.pk)


def _back(request: PageRequest, model: CatalogModel) -> HttpResponse:
    """To where the button was: the list, or the model's own page."""
    if request.POST.get("from") == "list":
        return redirect("modelhub_pages:models")
    return redirect("modelhub_pages:model", model.pk)
