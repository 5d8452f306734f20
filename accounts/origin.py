"""Where this server is, as whoever asks reaches it."""

from django.conf import settings
from django.http import HttpRequest


def base_url(request: HttpRequest) -> str:
    """What makes links absolute: ALICE_PUBLIC_URL, else the address the caller used; no last slash."""
    return settings.ALICE_PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
