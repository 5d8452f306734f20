"""Where the gallery's JSON and files are."""

from django.urls import re_path

from gallery import album_views, curating_views, keeping_views, views

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
ID = rf"(?P<image_id>{UUID})"
ALBUM = rf"(?P<album_id>{UUID})"

app_name = "gallery"
urlpatterns = [
    re_path(r"^images/(?P<token>[\w.-]{1,200})\.(?P<extension>png|jpg|webp)$", views.linked),
    re_path(r"^v1/gallery/?$", views.Gallery.as_view()),
    re_path(rf"^v1/gallery/{ID}/?$", views.Entry.as_view()),
    re_path(rf"^v1/gallery/{ID}/recipe/?$", views.RecipeOf.as_view()),
    re_path(rf"^v1/gallery/{ID}/privacy/?$", curating_views.Privacy.as_view()),
    re_path(rf"^v1/gallery/{ID}/tags/?$", curating_views.TagsOf.as_view()),
    re_path(r"^v1/gallery/tags/?$", curating_views.Tags.as_view()),
    re_path(r"^v1/gallery/config/?$", curating_views.Config.as_view()),
    re_path(r"^v1/gallery/bulk/?$", curating_views.Bulk.as_view()),
    re_path(r"^v1/gallery/stats/?$", keeping_views.Stats.as_view()),
    re_path(r"^v1/gallery/cleanup/?$", keeping_views.Cleanup.as_view()),
    re_path(r"^v1/gallery/keeping/?$", keeping_views.Keeping.as_view()),
    re_path(r"^v1/gallery/export/?$", curating_views.Export.as_view()),
    re_path(r"^v1/albums/?$", album_views.Albums.as_view()),
    re_path(rf"^v1/albums/{ALBUM}/?$", album_views.OneAlbum.as_view()),
    re_path(rf"^v1/albums/{ALBUM}/images/?$", album_views.AlbumImages.as_view()),
    re_path(rf"^v1/albums/{ALBUM}/export/?$", album_views.AlbumExport.as_view()),
    re_path(rf"^v1/images/{ID}/metadata/?$", views.Metadata.as_view()),
    re_path(rf"^v1/images/{ID}/file/?$", views.File.as_view()),
    re_path(rf"^v1/images/{ID}/thumbnail/?$", views.Thumbnail.as_view()),
]
