"""Downloads in the administration: watched and stopped there, begun elsewhere."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import audit
from accounts.problems import Problem
from accounts.quotas import size
from modelhub import downloads
from modelhub.downloads import shapes
from modelhub.models import Download


@admin.register(Download)
class DownloadAdmin(admin.ModelAdmin):
    """Begun by the page, the API or the command."""

    list_display = ("name", "source", "status", "share", "bytes", "created_by", "created_at")
    list_filter = ("status", "source")
    list_per_page = 50
    list_select_related = ("created_by",)
    search_fields = ("name", "target")
    show_full_result_count = False
    actions = ("cancel", "resume")
    # Not its files: the addresses of some are good for whoever knows them.
    fields = readonly_fields = (
        "name", "source", "status", "kind", "target", "model", "share", "bytes", "fetched_bytes",
        "error_code", "error_message", "attempts", "next_try_at", "force", "created_by",
        "created_at", "started_at", "finished_at",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="progress")
    def share(self, download: Download) -> str:
        return f"{shapes.progress(download):g} %"

    @admin.display(description="size", ordering="total_bytes")
    def bytes(self, download: Download) -> str:
        return size(download.total_bytes) if download.total_bytes else "unknown"

    @admin.action(description="Cancel selected downloads", permissions=["change"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[Download]) -> None:
        self._each(request, chosen, downloads.cancel, "cancelled")

    @admin.action(description="Take selected downloads up again", permissions=["change"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Download]) -> None:
        self._each(request, chosen, downloads.resume, "taken up again")

    def _each(
        self,
        request: HttpRequest,
        chosen: QuerySet[Download],
        act: Callable[[Download, audit.Source], object],
        done: str,
    ) -> None:
        count = 0
        for download in chosen:
            try:
                act(download, audit.source(request))
            except Problem as problem:
                self.message_user(request, f"{download.name}: {problem.message}", messages.ERROR)
            else:
                count += 1
        self.message_user(request, f"{count} {done}.")
