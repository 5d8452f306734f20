"""Where one's own data is, in JSON."""

from django.urls import re_path

from aliceproject.personal import views

app_name = "personal"
urlpatterns = [
    re_path(r"^v1/auth/me/?$", views.Me.as_view()),
    re_path(r"^v1/auth/me/export/?$", views.Export.as_view()),
]
