"""The pages about installed models."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from accounts.pages import PageRequest
from modelhub.models import CatalogModel
from modelhub.web import is_staff, readable, show


@require_safe
@readable
def models(request: PageRequest) -> HttpResponse:
    rows = CatalogModel.objects.all()
    if not is_staff(request):
        rows = rows.filter(enabled=True, visibility=CatalogModel.Visibility.EVERYONE)
    return show(request, "models", "modelhub/models.html", {"models": rows})
