"""Pages under /web/ that belong to an account."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import signing_in
from accounts.web import (
    audit,
    invites,
    keys,
    openid,
    people,
    quotas,
    registration,
    second_factor,
    security,
    usage,
)

app_name = "accounts_pages"
urlpatterns = [
    path("register", registration.register, name="register"),
    path("register/<uuid:pk>", registration.state, name="registration"),
    path("administration", people.index),
    path("administration/users", people.users, name="administration_users"),
    path("administration/users/<int:pk>/<slug:deed>", people.change_user, name="change_user"),
    path("administration/requests", people.requests, name="administration_requests"),
    path("administration/requests/<uuid:pk>/approve", people.approve, name="approve"),
    path("administration/requests/<uuid:pk>/reject", people.reject, name="reject"),
    path("administration/invites", invites.listed, name="administration_invites"),
    path("administration/invites/<int:pk>/revoke", invites.revoke, name="revoke_invite"),
    path("login", signing_in.Login.as_view(), name="login"),
    path("login/second-factor", signing_in.ask_second_factor, name="second_factor"),
    path("login/openid", openid.enter, name="openid"),
    path("login/openid/callback", openid.callback, name="openid_callback"),
    path("login/openid/welcome", openid.welcome, name="openid_welcome"),
    path("confirm/openid", openid.prove, name="openid_confirm"),
    path("confirm", signing_in.confirm, name="confirm"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("account", keys.account, name="account"),
    path("account/keys/<int:pk>/revoke", keys.revoke, name="revoke_key"),
    path("account/keys/<int:pk>/rotate", keys.rotate, name="rotate_key"),
    path("administration/keys", keys.listed, name="administration_keys"),
    path("administration/keys/<int:pk>/revoke", keys.revoke_any, name="revoke_any_key"),
    path("account/usage", usage.usage, name="usage"),
    path("administration/quotas", quotas.listed, name="administration_quotas"),
    path("administration/quotas/<slug:whose>", quotas.edit, name="quota"),
    path("administration/quotas/<slug:whose>/remove", quotas.remove, name="remove_quota"),
    path("administration/audit", audit.listed, name="administration_audit"),
    path("administration/audit/export", audit.export, name="export_audit"),
    path("account/security", security.security, name="security"),
    path("account/password", security.password, name="password"),
    path("account/openid/begin", openid.begin_link, name="begin_openid"),
    path("account/openid/link", openid.link, name="link_openid"),
    path("account/openid/<int:pk>/unlink", openid.unlink, name="unlink_openid"),
    path("account/sessions/end", security.end_sessions, name="end_sessions"),
    path(
        "account/second-factor",
        second_factor.set_up,
        name="set_up_second_factor",
    ),
    path("account/second-factor/begin", second_factor.begin, name="begin_second_factor"),
    path("account/second-factor/qr.svg", second_factor.qr, name="second_factor_qr"),
    path("account/second-factor/codes", second_factor.codes, name="recovery_codes"),
    path("account/second-factor/remove", second_factor.remove, name="remove_second_factor"),
]
