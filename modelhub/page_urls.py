"""Pages under /web/ that belong to the model hub."""

from django.urls import path

from modelhub import deeds, pages, search_pages

app_name = "modelhub_pages"
urlpatterns = [
    path("models", pages.models, name="models"),
    path("models/search", search_pages.search, name="search"),
    path("models/refresh", deeds.refresh, name="refresh"),
    path("models/<int:pk>", pages.model, name="model"),
    path("models/<int:pk>/values", deeds.values, name="values"),
    path("models/<int:pk>/aliases", deeds.add_alias, name="add_alias"),
    path("models/<int:pk>/aliases/remove", deeds.remove_alias, name="remove_alias"),
    path("models/<int:pk>/unload", deeds.unload, name="unload"),
    path("models/<int:pk>/delete", deeds.delete, name="delete"),
    path("models/<int:pk>/<slug:deed>", deeds.change, name="change"),
]
