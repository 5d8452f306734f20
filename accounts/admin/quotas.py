"""Quotas in the administration, and what is used of them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts import audit
from accounts.models import Quota, Usage
from accounts.quotas import size


@admin.register(Quota)
class QuotaAdmin(admin.ModelAdmin):
    list_display = ("__str__", "queued_jobs", "running_jobs", "images_per_day",
                    "megapixel_steps_per_day", "stored_bytes")  # fmt: skip
    list_select_related = ("user",)
    list_filter = ("role",)
    list_per_page = 50
    search_fields = ("user__username",)
    show_full_result_count = False
    autocomplete_fields = ("user",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whose quota it is does not change: another one is another row."""
        return ("role", "user") if obj else ()

    def save_model(self, request: HttpRequest, obj: Quota, form: Any, change: bool) -> None:  # noqa: FBT001 Django's signature
        super().save_model(request, obj, form, change)
        changed = {name: form.cleaned_data[name] for name in form.changed_data if name != "user"}
        audit.record(audit.Action.QUOTA_CHANGED, audit.source(request), obj, of=str(obj), **changed)

    def delete_model(self, request: HttpRequest, obj: Quota) -> None:
        audit.record(audit.Action.QUOTA_CHANGED, audit.source(request), obj, of=str(obj), gone=True)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for quota in queryset.select_related("user"):
            self.delete_model(request, quota)


@admin.register(Usage)
class UsageAdmin(admin.ModelAdmin):
    """What the queue and the gallery count: to look at only."""

    list_display = ("user", "queued_jobs", "running_jobs", "day", "images_today",
                    "drew", "stored_images", "takes")  # fmt: skip
    list_select_related = ("user",)
    list_per_page = 50
    search_fields = ("user__username",)
    show_full_result_count = False
    ordering = ("-stored_bytes",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Goes with its user, never alone."""
        match = request.resolver_match
        return bool(match and str(match.url_name).startswith("accounts_user_"))

    @admin.display(description="stored", ordering="stored_bytes")
    def takes(self, usage: Usage) -> str:
        return size(usage.stored_bytes)

    @admin.display(description="megapixel-steps today", ordering="megapixel_steps_today")
    def drew(self, usage: Usage) -> str:
        return f"{usage.megapixel_steps_today:,.1f}"
