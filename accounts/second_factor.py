"""A second factor beside the password: codes of an authenticator app, and ten for emergencies."""

import hashlib
import logging
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import default_key

from accounts import sealing
from accounts.models import AuthenticatorApp, User
from accounts.problems import Forbidden, RateLimited

logger = logging.getLogger(__name__)

RECOVERY_CODES = 10
APP, RECOVERY = "Authenticator app", "Recovery codes"


def device_of(user: User) -> Any | None:
    """The authenticator app that `user` has confirmed, if any."""
    return AuthenticatorApp.objects.filter(user=user, confirmed=True).first()


def pending_of(user: User) -> Any | None:
    """The app that `user` is setting up: it opens nothing before its first code was right."""
    app = AuthenticatorApp.objects.filter(user=user, confirmed=False).first()
    return app if app is not None and _readable(app) else None


def verified(request: HttpRequest, user: User) -> bool:
    """Whether this session has shown a second factor that the user still has."""
    name = request.session.get(DEVICE_ID_SESSION_KEY)
    device = Device.from_persistent_id(name) if name else None
    return device is not None and device.user_id == user.pk and bool(device.confirmed)


def missing(request: HttpRequest, user: User) -> bool:
    """Whether the role asks for a second factor that this session has not shown."""
    asked = settings.ALICE_REQUIRE_STAFF_TOTP and (user.is_staff or user.is_superuser)
    return asked and not verified(request, user)


def begin(user: User) -> Any:
    """A new secret for an app, in place of one that was never confirmed."""
    with transaction.atomic():
        AuthenticatorApp.objects.filter(user=user, confirmed=False).delete()
        return AuthenticatorApp.objects.create(
            user=user, name=APP, confirmed=False, sealed=sealing.seal(default_key())
        )


def confirm(user: User, code: str) -> list[str] | None:
    """The recovery codes, if `code` is right for the app being set up; else None.

    The app takes the place of a former one. Raises RateLimited as check does.
    """
    with transaction.atomic():
        device = (
            AuthenticatorApp.objects.select_for_update().filter(user=user, confirmed=False).first()
        )
        if device is None or not _opens(device, code):
            return None
        AuthenticatorApp.objects.filter(user=user, confirmed=True).delete()
        AuthenticatorApp.objects.filter(pk=device.pk).update(confirmed=True)
        return new_codes(user)


def check(user: User, code: str) -> Any | None:
    """The device that `code` is right for: the app, or the recovery codes, each used up at once.

    Raises RateLimited where that device was answered wrongly a moment ago: the wait doubles with
    each wrong code, however many addresses they come from.
    """
    plain = code.replace(" ", "").replace("-", "").lower()
    of_app = plain.isdecimal()
    shown = plain if of_app else digest(user, plain)
    kind = AuthenticatorApp if of_app else StaticDevice
    with transaction.atomic():
        device = kind.objects.select_for_update().filter(user=user, confirmed=True).first()
        return device if device is not None and _opens(device, shown) else None


def new_codes(user: User) -> list[str]:
    """Ten fresh recovery codes; former ones no longer open anything."""
    with transaction.atomic():
        device, _ = StaticDevice.objects.get_or_create(user=user, name=RECOVERY, confirmed=True)
        device.token_set.all().delete()
        codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
        kept = [StaticToken(device=device, token=digest(user, code)) for code in codes]
        StaticToken.objects.bulk_create(kept)
    return [f"{code[:4]}-{code[4:]}" for code in codes]


def codes_left(user: User) -> int:
    return int(StaticToken.objects.filter(device__user=user).count())


def remove(user: User) -> None:
    with transaction.atomic():
        AuthenticatorApp.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()


def digest(user: User, code: str) -> str:
    """What is kept of a recovery code: slow to guess at, since codes are short to type."""
    salt = f"alice recovery code {user.pk}".encode()
    made = hashlib.scrypt(code.encode(errors="replace"), salt=salt, n=2**13, r=8, p=1, dklen=8)
    return made.hex()


def _readable(app: Any) -> bool:
    try:
        return bool(app.bin_key)
    except sealing.Unsealable:
        logger.warning("The secret of %s's authenticator app cannot be read any more", app.user)
        return False


def _opens(device: Any, code: str) -> bool:
    allowed, why = device.verify_is_allowed()
    if not allowed:
        left = int((why["locked_until"] - timezone.now()).total_seconds()) + 1
        raise RateLimited(
            f"After a wrong code the next one has to wait: try again in {left} s.", retry_after=left
        )
    if isinstance(device, AuthenticatorApp) and not _readable(device):
        raise Forbidden(
            "This server's secret key has changed, and with it the app's secret is lost. "
            "Sign in with a recovery code and set up the app anew.",
            code="second_factor_lost",
        )
    return bool(device.verify_token(code))
