"""Users in the administration."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.messages import WARNING
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit, members, sessions
from accounts.audit import Action
from accounts.models import LOCAL_USERNAME, ApiKey, User
from accounts.problems import Problem

Deed = Callable[[User, audit.Source], None]

# Whether one may sign in, and as what, is changed by the actions: they end what must end.
ROLE = ("is_active", "is_staff")
RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class KeysOfUser(admin.TabularInline):
    model = ApiKey
    fields = readonly_fields = ("name", "prefix", "scopes", "created_at", "expires_at",
                                "revoked_at", "last_used_at")  # fmt: skip
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class PersonAdmin(UserAdmin):
    list_display = ("username", "email", "is_active", "is_staff", "keys", "last_login",
                    "date_joined")  # fmt: skip
    list_filter = ("is_active", "is_staff", "is_superuser", "date_joined")
    search_fields = ("username", "email", "first_name", "last_name")
    date_hierarchy = "date_joined"
    list_per_page = 50
    show_full_result_count = False
    actions = ("activate", "deactivate", "promote", "demote")
    inlines = (KeysOfUser,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        counted = Count("api_keys", filter=_live("api_keys"))
        users: QuerySet[User] = super().get_queryset(request)
        return users.annotate(live_keys=counted)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a superuser grants rights: whoever may edit users must not promote himself."""
        if obj is not None and obj.username == LOCAL_USERNAME:
            return ("username", "is_active", *RIGHTS)
        return ROLE if request.user.is_superuser else ("is_active", *RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        built_in = obj is not None and obj.username == LOCAL_USERNAME
        return allowed and not built_in and may_touch(request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001 Django's signature
        super().save_model(request, obj, form, change)
        by = audit.source(request)
        if not change:
            audit.record(Action.REGISTERED, by, obj, username=obj.username, staff=obj.is_staff)
        granted = {name for name in RIGHTS if name in form.changed_data}
        if change and granted:
            rights = {"staff": obj.is_staff, "superuser": obj.is_superuser}
            audit.record(Action.USER_ROLE_CHANGED, by, obj, changed=sorted(granted), **rights)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        before = self.get_object(request, unquote(id)) if request.method == "POST" else None
        reply = super().user_change_password(request, id, form_url)
        after = User.objects.filter(pk=before.pk).first() if before else None
        if before and after and after.password != before.password:
            by = audit.source(request)
            audit.record(Action.PASSWORD_CHANGED, by, after)
            sessions.sign_out_others(after, request.session.session_key, by)
        return reply

    @admin.display(description="live keys", ordering="live_keys")
    def keys(self, user: Any) -> int:
        return int(user.live_keys)

    @admin.action(description="Reactivate selected users", permissions=["change"])
    def activate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self._each(request, users, members.reactivate, "can sign in again")

    @admin.action(description="Deactivate selected users", permissions=["change"])
    def deactivate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Sessions, keys and sockets end at once, and their open jobs are cancelled."""
        self._each(request, users, members.deactivate, "shut out")

    @admin.action(description="Make selected users staff", permissions=["promote"])
    def promote(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self._each(request, users, partial(members.set_role, staff=True), "now staff")

    @admin.action(description="Make selected users plain users", permissions=["promote"])
    def demote(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self._each(request, users, partial(members.set_role, staff=False), "no longer staff")

    def has_promote_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def _each(self, request: HttpRequest, users: QuerySet[User], deed: Deed, became: str) -> None:
        """Do it to each; one that may not be leaves the others done, and is named."""
        done = 0
        for user in User.objects.filter(pk__in=users.values("pk")):
            try:
                deed(user, audit.source(request))
            except Problem as problem:
                self.message_user(request, f"{user}: {problem.message}", WARNING)
            else:
                done += 1
        self.message_user(request, f"{done} {became}.")


def _live(path: str) -> Q:
    """Keys that still open something, seen along `path`."""
    expiry = Q((f"{path}__expires_at", None)) | Q((f"{path}__expires_at__gt", timezone.now()))
    return Q((f"{path}__isnull", False)) & Q((f"{path}__revoked_at", None)) & expiry


def may_touch(request: HttpRequest, user: User | None) -> bool:
    """A superuser is changed by superusers only."""
    return user is None or request.user.is_superuser or not user.is_superuser
