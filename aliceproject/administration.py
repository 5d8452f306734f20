"""The administration's site: its own front page, and no second way to sign in."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import second_factor
from aliceproject.ops import overview


class Site(AdminSite):
    site_header = site_title = "ALICE"
    index_title = "Administration"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Not the second factors: their own pages show seeds and codes to whoever administers."""
        models = (
            model_or_iterable if isinstance(model_or_iterable, Iterable) else [model_or_iterable]
        )
        shown = [model for model in models if not model.__module__.startswith("django_otp.")]
        super().register(shown, admin_class, **options)

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The list of what can be administered, under how the server is doing."""
        shown = {"figures": overview.figures()} | (extra_context or {})
        return super().index(request, shown)

    def has_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return super().has_permission(request) and not second_factor.missing(request, user)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """There is one page for this, which asks for the present password behind the lock."""
        return redirect("accounts_pages:password")

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Everybody signs in at the same door: lock-out and second factor stand there."""
        if self.has_permission(request):
            return redirect("admin:index")
        if super().has_permission(request):
            return redirect("accounts_pages:set_up_second_factor")
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))
