"""Groups, which are rights: only whoever has all of them gives them out."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from accounts import audit
from accounts.admin.deleting import Noted
from accounts.audit import Action

# Django's own lets whoever may edit groups put any right into the one he is in.
admin.site.unregister(Group)


@admin.register(Group)
class RightsAdmin(Noted, GroupAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def save_related(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        change: bool,  # noqa: FBT001 Django's signature
    ) -> None:
        super().save_related(request, form, formsets, change)
        group = form.instance
        rights = sorted(group.permissions.values_list("codename", flat=True))
        audit.record(
            Action.GROUP_CHANGED, audit.source(request), group, name=group.name, rights=rights
        )
