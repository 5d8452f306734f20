"""The built-in user that callers act as when authentication is off."""

from django.contrib.auth.hashers import make_password

from accounts.models import LOCAL_USERNAME, User


def local_user() -> User:
    """The `local` user: no staff, no password; made when first needed."""
    unusable = make_password(None)
    user, _ = User.objects.get_or_create(username=LOCAL_USERNAME, defaults={"password": unusable})
    return user
