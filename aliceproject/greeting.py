"""What a person reads when the server has come up, and the first picture that proves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts import keys
from accounts.first_admin import FirstAdmin
from accounts.models import User
from aliceproject import first_light
from gallery.disk import Disk
from gallery.models import Image
from gallery.storage import store

# The first start hides its own key when it made no administrator; it lives for one request.
LIGHT_KEY_LIFE = timedelta(minutes=15)


def base_url() -> str:
    """Where this machine reaches the server."""
    return first_light.local_url(settings.ALICE_HOST, settings.ALICE_PORT)


def secrets_text(admin: FirstAdmin) -> str:
    return (
        "\nThe first administrator. Keep these: nothing can show them again.\n"
        f"  User      {admin.user.username}\n"
        f"  Password  {admin.password}\n"
        f"  API key   {admin.key}\n"
    )


def ready_text(key: str) -> str:
    """The address and a request to try; `key` empty where it was printed at an earlier start."""
    url = settings.ALICE_PUBLIC_URL or base_url()
    text = (
        f"\nALICE is ready: {url}/\n\n"
        f"  curl {url}{first_light.PATH} \\\n"
        f"    -H 'Authorization: Bearer {key or 'YOUR-API-KEY'}' \\\n"
        "    -H 'Content-Type: application/json' \\\n"
        f"""    -d '{{"prompt": "{first_light.PROMPT}", "response_format": "url"}}'\n"""
    )
    if not key and settings.ALICE_REQUIRE_AUTH:
        text += "\nAnother key: .venv/bin/python manage.py create_api_key admin --name NAME\n"
    return text


def light_is_due() -> bool:
    """The first picture is drawn while there is none; https needs its proxy, so not then."""
    return not settings.HTTPS and not Image.objects.exists()


def light_text(admin: FirstAdmin | None) -> str:
    """Draw the first picture and say where it lies. Raises first_light.NoLight."""
    with _key(admin) as key:
        light = first_light.draw(base_url(), key)
    image = Image.objects.order_by("-created_at").first()
    place = _place(image) if image is not None else str(light.answer)
    return f'\nFirst light, "{first_light.PROMPT}", took {light.seconds:.1f} s:\n  {place}\n'


@contextmanager
def _key(admin: FirstAdmin | None) -> Iterator[str]:
    if admin is not None or not settings.ALICE_REQUIRE_AUTH:
        yield admin.key if admin else ""
        return
    owner = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if owner is None:
        raise first_light.NoLight("there is no administrator to draw it for")
    row, secret = keys.mint(owner, "first light", ["generate"], timezone.now() + LIGHT_KEY_LIFE)
    try:
        yield secret
    finally:
        row.delete()


def _place(image: Image) -> str:
    files = store()
    return str(files.root / image.file) if isinstance(files, Disk) else image.file
