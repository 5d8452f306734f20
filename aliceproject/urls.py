"""The only place that mounts apps."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from aliceproject import errors

urlpatterns = [
    path("", include("aliceproject.ops.urls")),
    path("", include("aliceproject.openapi.urls")),
    # Before generation: what is under /v1/models/ and has no address of its own is a model's name.
    path("", include("modelhub.api.urls")),
    path("", include("generation.urls")),
    path("admin/", admin.site.urls),
    # Before accounts: one's own account can be erased, which takes all layers.
    path("", include("aliceproject.personal.urls")),
    path("", include("accounts.api.urls")),
    path("", include("gallery.api.urls")),
    path("", RedirectView.as_view(url="/web/")),
    path("web", RedirectView.as_view(url="/web/")),
    path("web/", include("aliceproject.personal.page_urls")),
    path("web/", include("accounts.web.urls")),
    path("web/", include("gallery.web.urls")),
    path("web/", include("modelhub.web.urls")),
    path("web/", include("generation.page_urls")),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
