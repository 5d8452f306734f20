"""The administration's site: its own front page, and no second way to sign in."""

from collections.abc import Iterable, Mapping
from functools import wraps
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import second_factor, signing_in
from aliceproject.ops import overview

# What opens a door or cannot be undone, as on our own pages: models by the beginnings of their
# pages' names, with the actions of their lists that only shut a door and so must not have to wait.
DELICATE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "accounts_user_": frozenset({"deactivate"}),
        "accounts_apikey_": frozenset({"revoke"}),
        "accounts_invite_": frozenset({"revoke"}),
        "accounts_openidentity_": frozenset(),
        "accounts_registration_": frozenset(),
        "auth_user_": frozenset(),
        "auth_group_": frozenset(),
        "modelhub_catalogmodel_delete": frozenset(),
    }
)
# Of this list one action asks, Django's own: files go with it.
MODELS, DELETE = "modelhub_catalogmodel_changelist", "delete_selected"

# Columns and lookups, in any part of a filter's name.
NEVER_ASKED = frozenset({"password", "digest", "sealed", "regex", "iregex"})

# What the libraries call themselves says nothing to who looks for these.
TITLES: Mapping[str, str] = MappingProxyType(
    {"auth": "Groups and rights", "django_q": "Regular work"}
)


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
        """What a stolen session must not do asks who is there once more, as our own pages do."""

        @wraps(view)
        def careful(request: Any, *args: Any, **kwargs: Any) -> Any:
            if _pries(request):
                raise DisallowedModelAdminLookup("No list is filtered by that.")
            answer = signing_in.recent(view) if _asks(request) else view
            return answer(request, *args, **kwargs)

        return super().admin_view(careful, cacheable)

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The list of what can be administered, under how the server is doing."""
        shown = {"figures": overview.figures()} | (extra_context or {})
        return super().index(request, shown)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps: list[Any] = super().get_app_list(request, app_label)
        for app in apps:
            app["name"] = TITLES.get(app["app_label"], app["name"])
        return sorted(apps, key=itemgetter("name"))

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
            raise PermissionDenied("The administration is for staff.")
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))


def _pries(request: HttpRequest) -> bool:
    """Whether a filter in the address asks for what no page shows, or for a pattern.

    Django's own lets any column of a model's be asked for, one beginning after another; and SQLite
    matches patterns in this process, which some of them would hold up for hours.
    """
    asked = {word for name in request.GET for word in name.split("__")}
    return not asked.isdisjoint(NEVER_ASKED)


def _asks(request: HttpRequest) -> bool:
    """Whether this is a deed of DELICATE. A form names its action twice, above and below its list,
    and another field says which one counts: all that are named must be harmless.
    """
    name = (request.resolver_match and request.resolver_match.url_name) or ""
    if request.method != "POST":
        return False
    acts = set(request.POST.getlist("action")) if name.endswith("_changelist") else set()
    if name == MODELS:
        return DELETE in acts
    shuts = next((shuts for start, shuts in DELICATE.items() if name.startswith(start)), None)
    return shuts is not None and not (acts and acts <= shuts)
