"""Users and their keys in the administration."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts import keys
from accounts.models import LOCAL_USERNAME, SCOPES, ApiKey, User
from accounts.problems import Problem

admin.site.site_header = admin.site.site_title = "ALICE"
admin.site.index_title = "Administration"

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


class NewKeyForm(forms.ModelForm):
    """A key to be made: refused for the reasons that keys.mint would refuse it."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        initial=["generate", "read"],
        help_text="models and admin need a staff account.",
    )

    class Meta:
        model = ApiKey
        fields = ("user", "name", "scopes", "expires_at")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if {"user", "name", "scopes"} <= set(given):
            wanted = set(given["scopes"])
            try:
                keys.check(given["user"], given["name"], wanted, given.get("expires_at"))
            except Problem as problem:
                raise ValidationError(problem.message) from problem
        return given


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    list_display = ("name", "prefix", "user", "scope_names", "active", "created_at",
                    "expires_at", "last_used_at")  # fmt: skip
    list_filter = ("created_at", "expires_at", "revoked_at", "last_used_at")
    list_select_related = ("user",)
    list_per_page = 50
    search_fields = ("name", "prefix", "user__username")
    show_full_result_count = False
    autocomplete_fields = ("user",)
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        asked = ("user", "name", "scopes", "expires_at")
        return (*asked, "prefix", "created_at", "revoked_at", "last_used_at") if obj else asked

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A key that is in use keeps its rights: make another one and revoke this."""
        return [f for f in self.get_fields(request, obj) if f != "name"] if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewKeyForm
        return super().get_form(request, obj, *args, **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Whose keys one may make: nobody reaches above himself by making a key of another."""
        people = User.objects.filter(is_active=True).exclude(username=LOCAL_USERNAME)
        plain = Q(is_staff=False, is_superuser=False) | Q(pk=request.user.pk)
        kwargs["queryset"] = people if request.user.is_superuser else people.filter(plain)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:  # noqa: FBT001 Django's signature
        if change:
            super().save_model(request, obj, form, change)
            return
        key, secret = keys.mint(obj.user, obj.name, obj.scopes, obj.expires_at)
        # The form's own instance becomes the row that was made.
        obj.__dict__.update(key.__dict__)
        request.new_key_secret = secret  # type: ignore[attr-defined] # this one reply shows it

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: Any = None
    ) -> HttpResponse:
        """Shows the secret in the reply itself: no message, cookie or session ever holds it."""
        context = self.admin_site.each_context(request) | {
            "title": "The new API key",
            "opts": self.opts,
            "key": obj,
            "secret": request.new_key_secret,  # type: ignore[attr-defined] # set by save_model
        }
        return TemplateResponse(request, "admin/accounts/apikey/secret.html", context)

    @admin.display(description="scopes")
    def scope_names(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(boolean=True)
    def active(self, key: ApiKey) -> bool:
        return key.active

    @admin.action(description="Revoke selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        count = chosen.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, f"{count} revoked.")


def _live(path: str) -> Q:
    """Keys that still open something, seen along `path`."""
    expiry = Q((f"{path}__expires_at", None)) | Q((f"{path}__expires_at__gt", timezone.now()))
    return Q((f"{path}__isnull", False)) & Q((f"{path}__revoked_at", None)) & expiry


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    """A superuser is changed by superusers only."""
    return user is None or request.user.is_superuser or not user.is_superuser
