"""Pages under /web/ that belong to the model hub."""

from django.urls import path

from modelhub.web import deeds, downloads, models, search

app_name = "modelhub_pages"
urlpatterns = [
    path("models", models.models, name="models"),
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
    path("models/search", search.search, name="search"),
    path("models/refresh", deeds.refresh, name="refresh"),
    path("models/<int:pk>", models.model, name="model"),
    path("models/<int:pk>/values", deeds.values, name="values"),
    path("models/<int:pk>/aliases", deeds.add_alias, name="add_alias"),
    path("models/<int:pk>/aliases/remove", deeds.remove_alias, name="remove_alias"),
    path("models/<int:pk>/unload", deeds.unload, name="unload"),
    path("models/<int:pk>/delete", deeds.delete, name="delete"),
    path("models/<int:pk>/<slug:deed>", deeds.change, name="change"),
]
