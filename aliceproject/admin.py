"""The administration of what spans apps: erasing people, and what the queue's library would offer."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_q.models import Failure, OrmQ, Schedule, Success

from accounts import audit
from accounts.admin.people import PersonAdmin
from accounts.models import User
from aliceproject.personal import erase
from gallery.models import Image
from generation.models import Job

admin.site.unregister(User)
# The library's own pages would let a stolen session name any function of any module to be run,
# and show wake-ups as if they were the jobs. On Redis it registers no OrmQ.
admin.site.unregister(
    [m for m in (Schedule, OrmQ, Success, Failure) if admin.site.is_registered(m)]
)


@admin.register(User)
class ErasablePersonAdmin(PersonAdmin):
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes, counted: a list of a hundred thousand pictures would tell nobody more.

        Nothing of it needs a permission of its own, and open jobs are no hindrance: they end.
        """
        users = [user for user in objs if self.has_delete_permission(request, user)]
        keys = [user.pk for user in users]
        counts = {
            "users": len(users),
            "pictures": Image.objects.filter(owner__in=keys).count(),
            "jobs": Job.objects.filter(owner__in=keys).count(),
        }
        refused = {"user"} if len(users) < len(objs) else set()
        return [str(user) for user in users], counts, refused, []

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        erase.start(obj, audit.source(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            erase.start(user, audit.source(request))


@admin.register(Schedule)
class ScheduleAdmin(admin.ModelAdmin):
    """When the regular work comes round again; what it is stands in the code."""

    list_display = ("name", "schedule_type", "minutes", "cron", "next_run", "cluster")
    list_per_page = 50
    fields = readonly_fields = list_display

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
