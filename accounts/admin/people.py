"""Users in the administration."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import LOCAL_USERNAME, ApiKey, User

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
    actions = ("activate", "deactivate")
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
        return () if request.user.is_superuser else RIGHTS

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        built_in = obj is not None and obj.username == LOCAL_USERNAME
        return allowed and not built_in and _may_touch(request, obj)

    @admin.display(description="live keys", ordering="live_keys")
    def keys(self, user: Any) -> int:
        return int(user.live_keys)

    @admin.action(description="Activate selected users", permissions=["change"])
    def activate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        count = self._touchable(request, users).update(is_active=True)
        self.message_user(request, f"{count} activated.")

    @admin.action(description="Deactivate selected users", permissions=["change"])
    def deactivate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Sessions and keys of a deactivated user open nothing from the next request on."""
        others = self._touchable(request, users).exclude(username=request.user.get_username())
        count = others.exclude(username=LOCAL_USERNAME).update(is_active=False)
        self.message_user(request, f"{count} deactivated.")

    def _touchable(self, request: HttpRequest, users: QuerySet[User]) -> QuerySet[User]:
        plain = User.objects.filter(pk__in=users.values("pk"))
        return plain if request.user.is_superuser else plain.filter(is_superuser=False)


def _live(path: str) -> Q:
    """Keys that still open something, seen along `path`."""
    expiry = Q((f"{path}__expires_at", None)) | Q((f"{path}__expires_at__gt", timezone.now()))
    return Q((f"{path}__isnull", False)) & Q((f"{path}__revoked_at", None)) & expiry


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    """A superuser is changed by superusers only."""
    return user is None or request.user.is_superuser or not user.is_superuser
