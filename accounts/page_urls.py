"""Pages under /web/ that belong to an account."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import pages

app_name = "accounts_pages"
urlpatterns = [
    path("login", pages.Login.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("account", pages.account, name="account"),
    path("account/keys/<int:pk>/revoke", pages.revoke_key, name="revoke_key"),
]
