"""The audit log in the administration: to read, never to write."""

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.audit import Action
from accounts.models import AuditEntry


class ActionFilter(admin.SimpleListFilter):
    """Offers the actions we know: asking the log which occur would read all of it."""

    title = parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(action.value, action.value.replace("_", " ")) for action in Action]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(action=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):
    list_display = ("at", "action", "actor_name", "target_type", "target_id", "address",
                    "key_prefix")  # fmt: skip
    list_filter = (ActionFilter, "at")
    list_per_page = 100
    search_fields = ("actor_name", "target_id", "address", "request_id")
    search_help_text = "Who, on what, from where, or in which request"
    show_full_result_count = False
    fields = readonly_fields = (
        "at", "action", "actor_name", "actor_id", "key_prefix", "address", "request_id",
        "target_type", "target_id", "detail_text",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="detail")
    def detail_text(self, entry: AuditEntry) -> str:
        text = json.dumps(entry.detail, indent=2, ensure_ascii=False)
        return format_html("<pre>{}</pre>", text)
