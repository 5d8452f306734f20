"""The only place that mounts apps."""

from django.contrib import admin
from django.urls import include, path

from aliceproject import errors

urlpatterns = [
    path("", include("aliceproject.ops.urls")),
    path("admin/", admin.site.urls),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
