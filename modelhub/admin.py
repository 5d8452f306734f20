"""Models in the administration: what is installed, what is switched on, and its defaults."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from modelhub.models import CatalogModel


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

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[CatalogModel]) -> None:
        super().delete_queryset(request, queryset.filter(state=CatalogModel.State.MISSING))

    @admin.display(description="size", ordering="size_bytes")
    def bytes(self, model: CatalogModel) -> str:
        return filesizeformat(model.size_bytes)

    @admin.action(description="Switch selected models on", permissions=["change"])
    def enable(self, request: HttpRequest, models: QuerySet[CatalogModel]) -> None:
        self.message_user(request, f"{models.update(enabled=True)} switched on.")

    @admin.action(description="Switch selected models off", permissions=["change"])
    def disable(self, request: HttpRequest, models: QuerySet[CatalogModel]) -> None:
        self.message_user(request, f"{models.update(enabled=False)} switched off.")
