"""Pages under /web/ that belong to an account."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import (
    invite_pages,
    key_pages,
    people_pages,
    quota_pages,
    registration_pages,
    second_factor_pages,
    security_pages,
    signing_in,
    usage_pages,
)

app_name = "accounts_pages"
urlpatterns = [
    path("register", registration_pages.register, name="register"),
    path("register/<uuid:pk>", registration_pages.state, name="registration"),
    path("administration", people_pages.index),
    path("administration/users", people_pages.users, name="administration_users"),
    path("administration/users/<int:pk>/<slug:deed>", people_pages.change_user, name="change_user"),
    path("administration/requests", people_pages.requests, name="administration_requests"),
    path("administration/requests/<uuid:pk>/approve", people_pages.approve, name="approve"),
    path("administration/requests/<uuid:pk>/reject", people_pages.reject, name="reject"),
    path("administration/invites", invite_pages.listed, name="administration_invites"),
    path("administration/invites/<int:pk>/revoke", invite_pages.revoke, name="revoke_invite"),
    path("login", signing_in.Login.as_view(), name="login"),
    path("login/second-factor", signing_in.ask_second_factor, name="second_factor"),
    path("confirm", signing_in.confirm, name="confirm"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("account", key_pages.account, name="account"),
    path("account/keys/<int:pk>/revoke", key_pages.revoke, name="revoke_key"),
    path("account/keys/<int:pk>/rotate", key_pages.rotate, name="rotate_key"),
    path("administration/keys", key_pages.listed, name="administration_keys"),
    path("administration/keys/<int:pk>/revoke", key_pages.revoke_any, name="revoke_any_key"),
    path("account/usage", usage_pages.usage, name="usage"),
    path("administration/quotas", quota_pages.listed, name="administration_quotas"),
    path("administration/quotas/<slug:whose>", quota_pages.edit, name="quota"),
    path("administration/quotas/<slug:whose>/remove", quota_pages.remove, name="remove_quota"),
    path("account/security", security_pages.security, name="security"),
    path("account/password", security_pages.password, name="password"),
    path("account/sessions/end", security_pages.end_sessions, name="end_sessions"),
    path(
        "account/second-factor",
        second_factor_pages.set_up,
        name="set_up_second_factor",
    ),
    path("account/second-factor/begin", second_factor_pages.begin, name="begin_second_factor"),
    path("account/second-factor/qr.svg", second_factor_pages.qr, name="second_factor_qr"),
    path("account/second-factor/codes", second_factor_pages.codes, name="recovery_codes"),
    path("account/second-factor/remove", second_factor_pages.remove, name="remove_second_factor"),
]
