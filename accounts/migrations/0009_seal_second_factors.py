"""Secrets of authenticator apps are sealed, and recovery codes kept as digests."""

from typing import Any

from django.db import migrations

from accounts import second_factor
from accounts.sealing import seal, unseal

SAME = ("user_id", "name", "confirmed", "throttling_failure_timestamp", "throttling_failure_count",
        "last_used_at", "drift", "last_t")  # fmt: skip
# As long as django-otp makes a code; a digest is twice as long.
CODE_LENGTH = 8


def seal_all(apps: Any, editor: Any) -> None:
    sealed = apps.get_model("accounts", "AuthenticatorApp")
    plain = apps.get_model("otp_totp", "TOTPDevice")
    for device in plain.objects.order_by("pk"):
        kept = {name: getattr(device, name) for name in SAME}
        app = sealed.objects.create(sealed=seal(device.key), **kept)
        # It is filled with the present moment when a row is made.
        sealed.objects.filter(pk=app.pk).update(created_at=device.created_at)
        device.delete()
    codes = apps.get_model("otp_static", "StaticToken").objects.select_related("device__user")
    for code in codes.order_by("pk"):
        if len(code.token) == CODE_LENGTH:
            code.token = second_factor.digest(code.device.user, code.token)
            code.save(update_fields=["token"])


def unseal_all(apps: Any, editor: Any) -> None:
    """Recovery codes stay digests: nobody can tell the codes again, so new ones must be made."""
    sealed = apps.get_model("accounts", "AuthenticatorApp")
    plain = apps.get_model("otp_totp", "TOTPDevice")
    for app in sealed.objects.order_by("pk"):
        kept = {name: getattr(app, name) for name in SAME}
        device = plain.objects.create(key=unseal(app.sealed), **kept)
        plain.objects.filter(pk=device.pk).update(created_at=app.created_at)
        app.delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_authenticator_apps"),
        ("otp_totp", "0003_add_timestamps"),
        ("otp_static", "0003_add_timestamps"),
    ]

    operations = [migrations.RunPython(seal_all, unseal_all)]
