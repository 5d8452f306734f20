"""Where the gallery's JSON and files are."""

from django.urls import re_path

from gallery.api import albums, curating, keeping, pictures

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
ID = rf"(?P<image_id>{UUID})"
ALBUM = rf"(?P<album_id>{UUID})"

app_name = "gallery"
urlpatterns = [
    re_path(r"^images/(?P<token>[\w.-]{1,200})\.(?P<extension>png|jpg|webp)$", pictures.linked),
    re_path(r"^v1/gallery/?$", pictures.Gallery.as_view()),
    re_path(rf"^v1/gallery/{ID}/?$", pictures.Entry.as_view()),
    re_path(rf"^v1/gallery/{ID}/recipe/?$", pictures.RecipeOf.as_view()),
    re_path(rf"^v1/gallery/{ID}/privacy/?$", curating.Privacy.as_view()),
    re_path(rf"^v1/gallery/{ID}/tags/?$", curating.TagsOf.as_view()),
    re_path(r"^v1/gallery/tags/?$", curating.Tags.as_view()),
    re_path(r"^v1/gallery/config/?$", curating.Config.as_view()),
    re_path(r"^v1/gallery/bulk/?$", curating.Bulk.as_view()),
    re_path(r"^v1/gallery/stats/?$", keeping.Stats.as_view()),
    re_path(r"^v1/gallery/cleanup/?$", keeping.Cleanup.as_view()),
    re_path(r"^v1/gallery/keeping/?$", keeping.Keeping.as_view()),
    re_path(r"^v1/gallery/export/?$", curating.Export.as_view()),
    re_path(r"^v1/albums/?$", albums.Albums.as_view()),
    re_path(rf"^v1/albums/{ALBUM}/?$", albums.OneAlbum.as_view()),
    re_path(rf"^v1/albums/{ALBUM}/images/?$", albums.AlbumImages.as_view()),
    re_path(rf"^v1/albums/{ALBUM}/export/?$", albums.AlbumExport.as_view()),
    re_path(rf"^v1/images/{ID}/metadata/?$", pictures.Metadata.as_view()),
    re_path(rf"^v1/images/{ID}/file/?$", pictures.File.as_view()),
    re_path(rf"^v1/images/{ID}/thumbnail/?$", pictures.Thumbnail.as_view()),
]
