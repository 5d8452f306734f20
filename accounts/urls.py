"""Where the account's JSON is."""

from django.urls import re_path

from accounts import people_views, quota_views, registration_views, views

app_name = "accounts"
ASKED = r"(?P<registration_id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
urlpatterns = [
    re_path(r"^v1/auth/register/?$", registration_views.Register.as_view()),
    re_path(
        rf"^v1/auth/register/{ASKED}/?$",
        registration_views.RegistrationOf.as_view(),
    ),
    re_path(r"^v1/auth/invites/?$", registration_views.Invites.as_view()),
    re_path(
        r"^v1/auth/invites/(?P<invite_id>[0-9]{1,18})/?$", registration_views.OneInvite.as_view()
    ),
    re_path(r"^v1/auth/pending/?$", registration_views.Pending.as_view()),
    re_path(
        rf"^v1/auth/pending/{ASKED}/approve/?$",
        registration_views.Approve.as_view(),
    ),
    re_path(
        rf"^v1/auth/pending/{ASKED}/reject/?$",
        registration_views.Reject.as_view(),
    ),
    re_path(r"^v1/auth/users/?$", people_views.People.as_view()),
    re_path(r"^v1/auth/users/(?P<user_id>[0-9]{1,18})/?$", people_views.OnePerson.as_view()),
    re_path(r"^v1/auth/quotas/?$", quota_views.Quotas.as_view()),
    re_path(
        r"^v1/auth/quotas/(?P<whose>user|staff|[0-9]{1,18})/?$", quota_views.OneQuota.as_view()
    ),
    re_path(r"^v1/auth/me/?$", views.Me.as_view()),
    re_path(r"^v1/auth/keys/?$", views.Keys.as_view()),
    re_path(r"^v1/auth/keys/(?P<key_id>[0-9]{1,18})/?$", views.OneKey.as_view()),
    re_path(r"^v1/auth/keys/generate/?$", views.Generate.as_view()),
    re_path(r"^v1/auth/keys/(?P<key_id>[0-9]{1,18})/revoke/?$", views.Revoke.as_view()),
    re_path(r"^v1/auth/keys/(?P<key_id>[0-9]{1,18})/rotate/?$", views.Rotate.as_view()),
    re_path(r"^v1/auth/tickets/?$", views.Tickets.as_view()),
]
