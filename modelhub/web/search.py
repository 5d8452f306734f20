"""The page on which staff look for models elsewhere and send their own."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from accounts.pages import PageRequest
from accounts.web.administration import staff_page
from modelhub.models.downloads import Source
from modelhub.searching.catalogues import CATALOGUES
from modelhub.searching.finds import LONGEST_QUERY
from modelhub.web.frame import TABS, show

# What a person chooses by, and what a catalogue calls it.
KINDS = (
    ("Checkpoints", "Checkpoint"),
    ("LoRAs", "LORA LoCon DoRA"),
    ("Textual inversions", "TextualInversion"),
    ("ControlNets", "Controlnet"),
    ("VAEs", "VAE"),
    ("Upscalers", "Upscaler"),
)


@require_safe
@staff_page
def search(request: PageRequest) -> HttpResponse:
    """`source` and `q` in the address are where it begins."""
    source = request.GET.get("source", "")
    context = {
        "catalogues": [(name, CATALOGUES[name].title) for name in CATALOGUES],
        "source": source if source in CATALOGUES else Source.CIVITAI,
        "query": request.GET.get("q", "")[:LONGEST_QUERY],
        "kinds": KINDS,
        "longest": LONGEST_QUERY,
        "downloads": next((tab.url for tab in TABS if tab.name == "downloads"), ""),
    }
    return show(request, "search", "modelhub/search.html", context)
