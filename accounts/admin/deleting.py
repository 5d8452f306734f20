"""Rows that staff delete for good: what is gone is known from the audit log alone."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import audit


class Noted(admin.ModelAdmin):
    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            what = f"{self.opts.verbose_name} {obj}"
            audit.record(audit.Action.ROW_DELETED, audit.source(request), obj, what=what)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            self.delete_model(request, row)
