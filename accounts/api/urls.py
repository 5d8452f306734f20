"""Where the account's JSON is."""

from django.urls import re_path

from accounts.api import account, audit, people, quotas, registration

app_name = "accounts"
ASKED = r"(?P<registration_id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
urlpatterns = [
    re_path(r"^v1/auth/register/?$", registration.Register.as_view()),
    re_path(
        rf"^v1/auth/register/{ASKED}/?$",
        registration.RegistrationOf.as_view(),
    ),
    re_path(r"^v1/auth/invites/?$", registration.Invites.as_view()),
    re_path(r"^v1/auth/invites/(?P<invite_id>[0-9]{1,18})/?$", registration.OneInvite.as_view()),
    re_path(r"^v1/auth/pending/?$", registration.Pending.as_view()),
    re_path(
        rf"^v1/auth/pending/{ASKED}/approve/?$",
        registration.Approve.as_view(),
    ),
    re_path(
        rf"^v1/auth/pending/{ASKED}/reject/?$",
        registration.Reject.as_view(),
    ),
    re_path(r"^v1/auth/users/?$", people.People.as_view()),
    re_path(r"^v1/auth/users/(?P<user_id>[0-9]{1,18})/?$", people.OnePerson.as_view()),
    re_path(r"^v1/auth/quotas/?$", quotas.Quotas.as_view()),
    re_path(r"^v1/auth/quotas/(?P<whose>user|staff|[0-9]{1,18})/?$", quotas.OneQuota.as_view()),
    re_path(r"^v1/audit/?$", audit.AuditLog.as_view()),
    re_path(r"^v1/audit/export/?$", audit.Export.as_view()),
    re_path(r"^v1/auth/me/?$", account.Me.as_view()),
    re_path(r"^v1/auth/keys/?$", account.Keys.as_view()),
    re_path(r"^v1/auth/keys/(?P<key_id>[0-9]{1,18})/?$", account.OneKey.as_view()),
    re_path(r"^v1/auth/keys/generate/?$", account.Generate.as_view()),
    re_path(r"^v1/auth/keys/(?P<key_id>[0-9]{1,18})/revoke/?$", account.Revoke.as_view()),
    re_path(r"^v1/auth/keys/(?P<key_id>[0-9]{1,18})/rotate/?$", account.Rotate.as_view()),
    re_path(r"^v1/auth/tickets/?$", account.Tickets.as_view()),
]
