"""The pages about installed models: all of them, and each with everything that is known."""

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.pages import PageRequest
from accounts.problems import Problem
from modelhub import preferences, sizes
from modelhub.kinds import Kind
from modelhub.models import CatalogModel
from modelhub.web import forms, overview
from modelhub.web.frame import is_staff, readable, show

MODELS_A_PAGE = 100
LONGEST_SEARCH = 200


@require_safe
@readable
def models(request: PageRequest) -> HttpResponse:
    """All models of one `kind`, or of every; searched by `q`."""
    search = request.GET.get("q", "").replace("\0", "")[:LONGEST_SEARCH].strip()
    kind = request.GET.get("kind", "")
    kind = kind if kind in set(Kind) else ""
    rows = overview.found(request.user, search, kind)
    page = Paginator(rows, MODELS_A_PAGE).get_page(request.GET.get("page"))
    shown = {
        "models": overview.shown(list(page.object_list), request.user),
        "page": page,
        "search": search,
        "kind": kind,
        "kinds": overview.kinds(request.user),
        "query": urlencode({"q": search, "kind": kind}),
    }
    return show(request, "models", "modelhub/models.html", shown)


@require_safe
@readable
def model(request: PageRequest, pk: int) -> HttpResponse:
    return detail(request, visible(request, pk))


def visible(request: PageRequest, pk: int) -> CatalogModel:
    """The model, if whoever looks may know of it; else a 404."""
    found = overview.found(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def detail(
    request: PageRequest,
    model: CatalogModel,
    typed: Mapping[str, str] | None = None,
    refused: Problem | None = None,
) -> HttpResponse:
    """The page of one model; with what was typed and why it was refused."""
    [row] = overview.shown([model], request.user)
    context: dict[str, Any] = {
        "row": row,
        "model": model,
        "usual": _usual(model) if row.draws else [],
        "sizes": sizes.recommended(model) if row.draws else [],
        "words": ", ".join(str(word) for word in model.trigger_words),
        "description": str(model.sidecar.get("description") or ""),
        "problem": forms.in_words(refused.message) if refused else "",
        "wrong": forms.named(refused.param) if refused else "",
    }
    if is_staff(request):
        context |= {
            "defaults": forms.fields("defaults", model, typed),
            "limits": forms.fields("limits", model, typed),
            "schedulers": overview.scheduler_choices(),
            "metadata": sorted(model.metadata.items()),
            "beside": sorted(model.sidecar.items()),
            "alias": (typed or {}).get("name", ""),
        }
    return show(request, "models", "modelhub/model.html", context, status=400 if refused else 200)


def _usual(model: CatalogModel) -> list[tuple[str, Any]]:
    values = preferences.defaults_of(model)
    return [
        (key.label, values[name]) for name, key in preferences.DEFAULTS.items() if name in values
    ]
