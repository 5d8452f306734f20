"""Where the searches are."""

from django.urls import re_path

from modelhub.searching import views

urlpatterns = [
    re_path(r"^v1/models/search/civitai/?$", views.civitai),
    re_path(r"^v1/models/search/huggingface/?$", views.huggingface),
    re_path(r"^v1/models/search/previews/(?P<found_id>[0-9]{1,18})/?$", views.preview),
]
