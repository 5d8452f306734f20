"""Pages under /web/ that belong to the gallery."""

from django.urls import path

from gallery import pages

app_name = "gallery_pages"
urlpatterns = [
    path("gallery", pages.index, name="index"),
    path("gallery/<uuid:pk>", pages.detail, name="detail"),
    path("gallery/<uuid:pk>/thumbnail.webp", pages.thumbnail, name="thumbnail"),
    path("gallery/<uuid:pk>/picture.<slug:suffix>", pages.picture, name="picture"),
    path("gallery/<uuid:pk>/delete", pages.delete, name="delete"),
]
