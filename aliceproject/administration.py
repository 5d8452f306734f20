"""The administration's site: its own front page, and no second way to sign in."""

from collections.abc import Iterable
from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import second_factor, signing_in
from aliceproject.ops import overview

# By the beginnings of their pages' names: who is who, and what opens the door.
DELICATE = ("accounts_user_", "accounts_apikey_", "auth_user_", "auth_group_")


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

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 Django's signature
        """Changes of people, rights and keys ask who is there once more, as our own pages do."""

        @wraps(view)
        def careful(request: Any, *args: Any, **kwargs: Any) -> Any:
            name = request.resolver_match.url_name or ""
            changes = request.method == "POST" and name.startswith(DELICATE)
            answer = signing_in.recent(view) if changes else view
            return answer(request, *args, **kwargs)

        return super().admin_view(careful, cacheable)

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
