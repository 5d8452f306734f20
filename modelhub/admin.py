"""Models in the administration: what is installed, what is switched on, and its defaults."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from accounts import audit
from modelhub.downloads.admin import DownloadAdmin
from modelhub.models import CatalogModel

__all__ = ["CatalogModelAdmin", "DownloadAdmin"]


@admin.register(CatalogModel)
class CatalogModelAdmin(admin.ModelAdmin):
    list_display = ("public_id", "family", "kind", "layout", "native_resolution", "bytes", "state",
                    "enabled", "seen_at")  # fmt: skip
    list_filter = ("state", "enabled", "family", "layout", "kind")
    list_per_page = 50
    search_fields = ("public_id", "path", "sha256")
    show_full_result_count = False
    actions = ("enable", "disable")
    readonly_fields = (
        "public_id", "path", "family", "kind", "layout", "native_resolution", "bytes", "precision",
        "sha256", "state", "detail", "created_at", "seen_at",
    )  # fmt: skip
    fields = ("enabled", "defaults", *readonly_fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Models come from their folder, by scan_models."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only what is gone from the folder: the next scan would bring anything else back."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or obj.state == CatalogModel.State.MISSING)

    def save_model(self, request: HttpRequest, obj: CatalogModel, form: Any, change: bool) -> None:  # noqa: FBT001 Django's signature
        super().save_model(request, obj, form, change)
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        if changed:
            _note(request, obj, "changed", **changed)

    def delete_model(self, request: HttpRequest, obj: CatalogModel) -> None:
        _note(request, obj, "forgot")
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[CatalogModel]) -> None:
        for model in queryset.filter(state=CatalogModel.State.MISSING):
            self.delete_model(request, model)

    @admin.display(description="size", ordering="size_bytes")
    def bytes(self, model: CatalogModel) -> str:
        return filesizeformat(model.size_bytes)

    @admin.action(description="Switch selected models on", permissions=["change"])
    def enable(self, request: HttpRequest, models: QuerySet[CatalogModel]) -> None:
        self.message_user(request, f"{_switch(request, models, on=True)} switched on.")

    @admin.action(description="Switch selected models off", permissions=["change"])
    def disable(self, request: HttpRequest, models: QuerySet[CatalogModel]) -> None:
        self.message_user(request, f"{_switch(request, models, on=False)} switched off.")


def _switch(request: HttpRequest, models: QuerySet[CatalogModel], *, on: bool) -> int:
    """How many were the other way before."""
    with transaction.atomic():
        switched = list(models.filter(enabled=not on).select_for_update())
        for model in switched:
            CatalogModel.objects.filter(pk=model.pk).update(enabled=on)
            _note(request, model, "switched on" if on else "switched off")
    return len(switched)


def _note(request: HttpRequest, model: CatalogModel, what: str, **detail: Any) -> None:
    by = audit.source(request)
    audit.record(audit.Action.MODEL_CHANGED, by, model, model=model.public_id, what=what, **detail)
