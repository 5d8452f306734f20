"""Pages under /web/ that belong to the model hub."""

from django.urls import path

from modelhub import pages

app_name = "modelhub_pages"
urlpatterns = [
    path("models", pages.models, name="models"),
]
