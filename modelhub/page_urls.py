"""Pages under /web/ that belong to the model hub."""

from django.urls import path

from modelhub import pages, search_pages
from modelhub.downloads import pages as downloads

app_name = "modelhub_pages"
urlpatterns = [
    path("models", pages.models, name="models"),
    path("models/downloads", downloads.listed, name="downloads"),
    *[
        path(
            f"models/downloads/<uuid:pk>/{deed}",
            downloads.change,
            {"deed": deed},
            name=f"{deed}_download",
        )
        for deed in downloads.DEEDS
    ],
    path("models/search", search_pages.search, name="search"),
]
