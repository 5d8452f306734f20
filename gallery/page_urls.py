"""Pages under /web/ that belong to the gallery."""

from django.urls import path

from gallery import album_pages, bulk_pages, compare_pages, curating_pages, pages, share_pages

app_name = "gallery_pages"
urlpatterns = [
    path("gallery", pages.index, name="index"),
    path("gallery/bulk", bulk_pages.bulk, name="bulk"),
    path("gallery/compare", compare_pages.compare, name="compare"),
    path("gallery/shares", share_pages.shares, name="shares"),
    path("gallery/albums", album_pages.index, name="albums"),
    path("gallery/albums/<uuid:pk>", album_pages.album, name="album"),
    path("gallery/albums/<uuid:pk>/rename", album_pages.rename, name="rename_album"),
    path("gallery/albums/<uuid:pk>/delete", album_pages.delete, name="delete_album"),
    path("gallery/<uuid:pk>", pages.detail, name="detail"),
    path("gallery/<uuid:pk>/thumbnail.webp", pages.thumbnail, name="thumbnail"),
    path("gallery/<uuid:pk>/picture.<slug:suffix>", pages.picture, name="picture"),
    path("gallery/<uuid:pk>/mark", curating_pages.mark, name="mark"),
    path("gallery/<uuid:pk>/tags", curating_pages.tags, name="tags"),
    path("gallery/<uuid:pk>/albums", curating_pages.file, name="file"),
    path("gallery/<uuid:pk>/share", curating_pages.share, name="share"),
    path("gallery/<uuid:pk>/delete", pages.delete, name="delete"),
]
