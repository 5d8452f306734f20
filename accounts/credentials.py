"""What a lasting connection was opened with, asked anew while it is open."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest

from accounts.authentication import Identity, everybody, holder, session_holder
from accounts.models import ApiKey
from accounts.sessions import SessionStore


@dataclass(frozen=True, slots=True)
class Credential:
    """The primary key of an API key, or the name of a session; neither: nothing was brought."""

    key: int | None = None
    session: str = ""

    @classmethod
    def of(cls, identity: Identity, request: HttpRequest) -> Credential:
        """What the caller of `request` was known by."""
        if identity.key is not None:
            return cls(key=identity.key.pk)
        return cls(session=request.session.session_key or "") if identity.session else cls()

    def holder(self) -> Identity | None:
        """Who acts by it now, with the scopes left; None once it opens nothing any more.

        Asks the database every time and counts as no use of the key.
        """
        if not settings.ALICE_REQUIRE_AUTH:
            return everybody()
        if self.key is not None:
            found = ApiKey.objects.select_related("user").filter(pk=self.key).first()
            return holder(found) if found and found.active else None
        return _signed_in(self.session) if self.session else None


class _Glance(SessionStore):
    """A session that is only looked at: the onlooker neither ends nor renames it."""

    # Sessions are signed with the name of their class.
    key_salt = f"django.contrib.sessions.{SessionStore.__qualname__}"

    def cycle_key(self) -> None:
        pass

    def flush(self) -> None:
        pass


def _signed_in(session: str) -> Identity | None:
    request = HttpRequest()
    request.session = _Glance(session)
    request.user = auth.get_user(request)
    return session_holder(request)
