"""Pages under /web/ that belong to the gallery."""

from django.urls import path

from gallery.web import albums, bulk, comparing, curating, pictures, shares

app_name = "gallery_pages"
urlpatterns = [
    path("gallery", pictures.index, name="index"),
    path("gallery/bulk", bulk.bulk, name="bulk"),
    path("gallery/compare", comparing.compare, name="compare"),
    path("gallery/shares", shares.shares, name="shares"),
    path("gallery/albums", albums.index, name="albums"),
    path("gallery/albums/<uuid:pk>", albums.album, name="album"),
    path("gallery/albums/<uuid:pk>/rename", albums.rename, name="rename_album"),
    path("gallery/albums/<uuid:pk>/delete", albums.delete, name="delete_album"),
    path("gallery/<uuid:pk>", pictures.detail, name="detail"),
    path("gallery/<uuid:pk>/thumbnail.webp", pictures.thumbnail, name="thumbnail"),
    path("gallery/<uuid:pk>/picture.<slug:suffix>", pictures.picture, name="picture"),
    path("gallery/<uuid:pk>/mark", curating.mark, name="mark"),
    path("gallery/<uuid:pk>/tags", curating.tags, name="tags"),
    path("gallery/<uuid:pk>/albums", curating.file, name="file"),
    path("gallery/<uuid:pk>/share", curating.share, name="share"),
    path("gallery/<uuid:pk>/delete", pictures.delete, name="delete"),
]
