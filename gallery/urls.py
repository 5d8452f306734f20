"""Where the gallery's JSON and files are."""

from django.urls import re_path

from gallery import views

ID = r"(?P<image_id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"

app_name = "gallery"
urlpatterns = [
    re_path(r"^images/(?P<token>[\w.-]{1,200})\.(?P<extension>png|jpg|webp)$", views.linked),
    re_path(r"^v1/gallery/?$", views.Gallery.as_view()),
    re_path(rf"^v1/gallery/{ID}/?$", views.Entry.as_view()),
    re_path(rf"^v1/gallery/{ID}/recipe/?$", views.RecipeOf.as_view()),
    re_path(rf"^v1/images/{ID}/file/?$", views.File.as_view()),
    re_path(rf"^v1/images/{ID}/thumbnail/?$", views.Thumbnail.as_view()),
]
