"""Invites and requests for an account in the administration."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.models import Invite, Registration


class Untouched(admin.ModelAdmin):
    """Rows that are made and ended by what is said to them, never edited."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Invite)
class InviteAdmin(Untouched):
    list_display = ("hint", "note", "created_by", "used", "uses", "created_at", "expires_at",
                    "revoked_at")  # fmt: skip
    list_filter = ("created_at", "expires_at", "revoked_at")
    list_select_related = ("created_by",)
    search_fields = ("note", "hint", "created_by__username")


@admin.register(Registration)
class RegistrationAdmin(Untouched):
    list_display = ("username", "email", "status", "created_at", "decided_by", "decided_at")
    list_filter = ("status", "created_at")
    list_select_related = ("decided_by",)
    search_fields = ("username", "email")
    fields = readonly_fields = ("username", "email", "message", "status", "reason", "invite",
                                "user", "decided_by", "decided_at", "created_at")  # fmt: skip
