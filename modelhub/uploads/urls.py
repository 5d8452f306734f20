"""Where uploads are."""

from django.urls import re_path

from modelhub.uploads import views

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
ID = rf"(?P<upload_id>{UUID})"

urlpatterns = [
    re_path(r"^v1/models/uploads/?$", views.Uploads.as_view()),
    re_path(rf"^v1/models/uploads/{ID}/?$", views.OneUpload.as_view()),
    re_path(rf"^v1/models/uploads/{ID}/complete/?$", views.complete),
]
