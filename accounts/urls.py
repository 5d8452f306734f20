"""Where the account's JSON is."""

from django.urls import re_path

from accounts import views

app_name = "accounts"
urlpatterns = [
    re_path(r"^v1/auth/me/?$", views.Me.as_view()),
    re_path(r"^v1/auth/keys/?$", views.Keys.as_view()),
    re_path(r"^v1/auth/keys/(?P<key_id>[0-9]{1,18})/?$", views.OneKey.as_view()),
    re_path(r"^v1/auth/keys/(?P<key_id>[0-9]{1,18})/revoke/?$", views.Revoke.as_view()),
]
