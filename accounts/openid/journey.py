"""To the provider and back: what a browser set out for, kept in its session under one state."""

import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from mozilla_django_oidc.views import OIDCAuthenticationRequestView

from accounts.openid import CALLBACK, provider, tokens
from accounts.openid.tokens import Claims
from accounts.problems import Forbidden, Invalid

ENTER, LINK, PROVE = "enter", "link", "prove"
JOURNEY_SECONDS = 10 * 60
# The library's name for its states in the session, and for a page that we keep ourselves.
STATES, NEXT = "oidc_states", "oidc_login_next"


class Stale(Invalid):
    """No journey of this browser's that is still open ends here."""

    code = "openid_stale"

    def __init__(self) -> None:
        super().__init__(
            "This sign-in was begun in another browser, ended already or took too long. Begin anew."
        )


@dataclass(frozen=True, slots=True)
class Errand:
    """Why somebody goes to the provider, where he goes on then, and who he is already, if known."""

    purpose: str
    then: str
    user: int | None = None


def depart(request: HttpRequest, errand: Errand) -> HttpResponse:
    """The way to the provider, for a plain link. Raises ProviderDown."""
    reply: HttpResponse = Departure(errand=errand, provider=provider.described()).get(request)
    state = parse_qs(urlsplit(reply["Location"]).query)["state"][0]
    request.session[STATES][state] |= asdict(errand)
    request.session.pop(NEXT, None)
    return reply


def arrive(request: HttpRequest) -> tuple[Errand, Claims, float]:
    """Who came back with what errand, and when he left. A state is good for one return.

    Raises Stale, Forbidden, Untrusted or ProviderDown.
    """
    left = _taken(request)
    if request.GET.get("iss", settings.ALICE_OIDC_ISSUER) != settings.ALICE_OIDC_ISSUER:
        raise Stale
    if "error" in request.GET or "code" not in request.GET:
        raise Forbidden("The provider signed nobody in. Try again, or use another way in.")
    claims = tokens.exchanged(request, left["nonce"], left["code_verifier"])
    return Errand(left["purpose"], left["then"], left["user"]), claims, left["added_on"]


class Departure(OIDCAuthenticationRequestView):  # type: ignore[misc] # the library carries no types
    """The library's request, with state, nonce and PKCE, to the endpoint that discovery names."""

    errand: Errand
    provider: provider.Provider

    def __init__(self, **kwargs: Any) -> None:
        self.provider = kwargs["provider"]
        super().__init__(**kwargs)

    def get_settings(self, attr: str, *args: Any) -> Any:
        given = {
            "OIDC_OP_AUTHORIZATION_ENDPOINT": self.provider.authorization,
            "OIDC_RP_CLIENT_ID": settings.ALICE_OIDC_CLIENT_ID,
            "OIDC_RP_SCOPES": settings.ALICE_OIDC_SCOPES,
            "OIDC_AUTHENTICATION_CALLBACK_URL": CALLBACK,
            "OIDC_USE_PKCE": True,
        }
        return given[attr] if attr in given else args[0]

    def get(self, request: HttpRequest) -> HttpResponse:
        reply: HttpResponse = super().get(request)
        # The library appends `?` whatever stands there.
        if "?" in self.provider.authorization:
            endpoint = self.provider.authorization
            reply["Location"] = reply["Location"].replace(f"{endpoint}?", f"{endpoint}&", 1)
        return reply

    def get_extra_params(self, request: HttpRequest) -> dict[str, str]:
        known = {"redirect_uri": tokens.callback_url(request)}
        # A proof must be fresh: the provider asks again, whatever it remembers.
        return known | ({"prompt": "login", "max_age": "0"} if self.errand.purpose == PROVE else {})


def _taken(request: HttpRequest) -> dict[str, Any]:
    """The journey that ends here, taken out of the session so that nobody ends it twice."""
    states = request.session.get(STATES) or {}
    left: dict[str, Any] = states.pop(request.GET.get("state", ""), {})
    if "purpose" not in left:
        raise Stale
    request.session.modified = True
    request.session.save()
    # What other tabs put into the session while the provider is asked must not be overwritten.
    request.session = type(request.session)(request.session.session_key)
    if not 0 <= time.time() - left["added_on"] <= JOURNEY_SECONDS:
        raise Stale
    return left
