"""API keys in the administration: made once, shown once, revoked."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import audit, keys
from accounts.admin.deleting import Noted
from accounts.models import LOCAL_USERNAME, SCOPES, ApiKey, User
from accounts.problems import Problem


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
        fields = ("user", "name", "scopes", "expires_at", "rate_limit")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if {"user", "name", "scopes"} <= set(given):
            wanted = set(given["scopes"])
            try:
                keys.check(
                    given["user"],
                    given["name"],
                    wanted,
                    given.get("expires_at"),
                    given.get("rate_limit"),
                )
            except Problem as problem:
                raise ValidationError(problem.message) from problem
        return given


@admin.register(ApiKey)
class ApiKeyAdmin(Noted):
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
        asked = ("user", "name", "scopes", "expires_at", "rate_limit")
        facts = ("prefix", "created_at", "revoked_at", "last_used_at", "successor")
        return (*asked, *facts) if obj else asked

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
        by = audit.source(request)
        key, secret = keys.mint(obj.user, obj.name, obj.scopes, obj.expires_at, obj.rate_limit, by)
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
        live = list(chosen.filter(revoked_at=None))
        for key in live:
            keys.revoke(key, audit.source(request))
        self.message_user(request, f"{len(live)} revoked.")
