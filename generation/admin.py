"""Jobs in the administration: to look at and to cancel, never to edit."""

import json
from typing import Any

from django.contrib import admin
from django.contrib.messages import WARNING
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts import audit
from accounts.problems import Problem
from accounts.quotas import size
from generation import jobs, overruling
from generation.models import OPEN, Job, JobImage, WorkerStatus


class ImagesOfJob(admin.TabularInline):
    model = JobImage
    fields = readonly_fields = ("index", "seed", "picture")
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[JobImage]:
        return super().get_queryset(request).select_related("image")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display
    def picture(self, row: JobImage) -> str:
        if row.image_id is None:
            return "deleted"
        page = reverse("admin:gallery_image_change", args=[row.image_id])
        thumbnail = reverse("admin:gallery_image_thumbnail", args=[row.image_id])
        return format_html(
            '<a href="{}"><img src="{}" alt="" width="72" loading="lazy"></a>', page, thumbnail
        )


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):
    list_display = ("short_id", "owner", "status", "kind", "model", "dialect", "progress",
                    "attempts", "error_code", "created_at", "took")  # fmt: skip
    list_filter = ("status", "kind", "dialect", "error_code", "created_at")
    list_select_related = ("owner",)
    list_per_page = 50
    search_fields = ("id__startswith", "owner__username", "client_job_id", "model", "error_code")
    search_help_text = "How an id begins, owner, client job id, model or error code"
    date_hierarchy = "created_at"
    show_full_result_count = False
    inlines = (ImagesOfJob,)
    actions = ("cancel", "retry")
    fields = readonly_fields = (
        "id", "owner", "status", "kind", "dialect", "model", "client_job_id", "requested_text",
        "spec_text", "adjustments_text", "progress", "attempts", "lease_owner", "lease_expires_at",
        "cancel_requested", "error_code", "error_message", "timings_text", "created_at",
        "started_at", "finished_at",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An open job is cancelled first; its pictures outlive it."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.ended)

    def delete_model(self, request: HttpRequest, obj: Job) -> None:
        with transaction.atomic():
            overruling.note(obj, audit.source(request), asked="delete")
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        for job in queryset.exclude(status__in=OPEN):
            self.delete_model(request, job)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generation.change_job")

    @admin.action(description="Cancel selected jobs", permissions=["cancel"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        """Queued jobs end at once, running ones within one step, ended ones stay as they are."""
        open_jobs = list(chosen.filter(status__in=OPEN).values_list("pk", flat=True))
        for key in open_jobs:
            overruling.note(jobs.cancel(key), audit.source(request), asked="cancel")
        self.message_user(request, f"{len(open_jobs)} told to stop.")

    @admin.action(description="Run selected jobs again", permissions=["cancel"])
    def retry(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        """Failed and cancelled jobs, as new jobs of their owners; says which could not be."""
        made = 0
        for job in chosen.select_related("owner"):
            try:
                again = jobs.repeat(job)
            except Problem as problem:
                self.message_user(request, f"{str(job.pk)[:8]}: {problem.message}", WARNING)
                continue
            made += 1
            overruling.note(again, audit.source(request), repeats=str(job.pk))
        self.message_user(request, f"{made} run again.")

    @admin.display(description="id", ordering="id")
    def short_id(self, job: Job) -> str:
        return str(job.pk)[:8]

    @admin.display(ordering="step")
    def progress(self, job: Job) -> str:
        return f"{job.step} / {job.steps}" if job.steps else ""

    @admin.display
    def took(self, job: Job) -> str:
        if job.started_at is None or job.finished_at is None:
            return ""
        return f"{(job.finished_at - job.started_at).total_seconds():.1f} s"

    @admin.display(description="requested")
    def requested_text(self, job: Job) -> str:
        return _readable(job.requested)

    @admin.display(description="spec")
    def spec_text(self, job: Job) -> str:
        return _readable(job.spec)

    @admin.display(description="adjustments")
    def adjustments_text(self, job: Job) -> str:
        return _readable(job.adjustments)

    @admin.display(description="timings")
    def timings_text(self, job: Job) -> str:
        return _readable(job.timings)


@admin.register(WorkerStatus)
class WorkerStatusAdmin(admin.ModelAdmin):
    """What each worker last said of itself; a silent one says nothing new."""

    list_display = ("worker", "host", "device", "backend", "dtype", "models", "memory", "busy_job",
                    "started_at", "updated_at")  # fmt: skip
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display
    def models(self, worker: WorkerStatus) -> str:
        return ", ".join(worker.models_loaded)

    @admin.display
    def memory(self, worker: WorkerStatus) -> str:
        if not worker.memory_total_bytes:
            return ""
        used, total = worker.memory_used_bytes, worker.memory_total_bytes
        return f"{size(used)} of {size(total)}"


def _readable(data: Any) -> str:
    return format_html("<pre>{}</pre>", json.dumps(data, indent=2, ensure_ascii=False))
