"""Where downloads are; before the names of models, which may hold slashes."""

from django.urls import re_path

from modelhub.downloads import views

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
AT = r"^v1/models/download"
ONE = rf"(?P<download_id>{UUID})"
urlpatterns = [
    *[re_path(rf"{AT}/{source}/?$", views.Start.as_view(source=source)) for source in views.BODIES],
    re_path(rf"{AT}/status/?$", views.Tasks.as_view()),
    re_path(rf"{AT}/status/{ONE}/?$", views.Task.as_view()),
    re_path(rf"{AT}/{ONE}/?$", views.OneDownload.as_view()),
    re_path(rf"{AT}/{ONE}/cancel/?$", views.Cancel.as_view()),
    re_path(rf"{AT}/{ONE}/resume/?$", views.Resume.as_view()),
]
