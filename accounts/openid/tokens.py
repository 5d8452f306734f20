"""A code exchanged for the person it stands for: the library's exchange, with stricter checks."""

import logging
from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import jwt
from django.conf import settings
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from django.urls import reverse
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from accounts.models import OpenIdentity
from accounts.openid import CALLBACK, provider
from accounts.openid.provider import ProviderDown
from accounts.origin import base_url
from accounts.problems import Forbidden

logger = logging.getLogger(__name__)

# Asymmetric only: with HS256 whoever knows a public key could sign by it.
KINDS = {"RS256": "RSA", "ES256": "EC"}
# Clocks differ.
LEEWAY_SECONDS = 60
LONGEST_SUBJECT = 255
LONGEST_LABEL = 254
NEEDED = ["iss", "sub", "aud", "exp", "iat"]
# Some providers write the word for the value.
DENIED = (False, "false")
TELLING = ("preferred_username", "email", "name", "nickname")


class Untrusted(Forbidden):
    """Whatever came back, it proves nobody's identity."""

    code = "openid_untrusted"


@dataclass(frozen=True, slots=True)
class Claims:
    """Somebody as the provider knows him. All but the subject is for showing only.

    `signed_in_at`: when he proved it to the provider, in Unix seconds, if it says so.
    """

    subject: str
    label: str
    username: str = ""
    email: str = ""
    signed_in_at: int | None = None


def exchanged(request: HttpRequest, nonce: str, code_verifier: str) -> Claims:
    """Whom the code in `request` stands for. Raises Untrusted or ProviderDown."""
    found = Exchange().authenticate(request, nonce=nonce, code_verifier=code_verifier)
    if not isinstance(found, Claims):
        raise Untrusted("The provider sent nobody.")
    return found


def callback_url(request: HttpRequest) -> str:
    """Where the provider sends people back to, as it must be registered there."""
    return f"{base_url(request)}{reverse(CALLBACK)}"


class Exchange(OIDCAuthenticationBackend):  # type: ignore[misc] # the library carries no types
    """mozilla-django-oidc checks signature and nonce against one algorithm; here the issuer, the
    audience and the times count as well, and the provider is asked through our own door only.
    """

    def __init__(self) -> None:
        self.provider = provider.described()
        super().__init__()

    def get_settings(self, attr: str, *args: Any) -> Any:
        """The library's settings: those that discovery and our own names give, else its own."""
        given = {
            "OIDC_OP_TOKEN_ENDPOINT": self.provider.token,
            "OIDC_OP_USER_ENDPOINT": self.provider.userinfo,
            "OIDC_OP_JWKS_ENDPOINT": self.provider.keys,
            "OIDC_RP_CLIENT_ID": settings.ALICE_OIDC_CLIENT_ID,
            "OIDC_RP_CLIENT_SECRET": settings.ALICE_OIDC_CLIENT_SECRET,
            # Any of KINDS; for the library they only mean that keys are looked up.
            "OIDC_RP_SIGN_ALGO": "RS256",
            "OIDC_AUTHENTICATION_CALLBACK_URL": CALLBACK,
        }
        return given[attr] if attr in given else args[0]

    def get_token(self, payload: dict[str, str]) -> dict[str, Any]:
        form = payload | {"redirect_uri": callback_url(self.request)}
        headers = _basic(form) if self.provider.basic else {}
        status, facts = provider.ask(self.provider.token, form=form, headers=headers)
        if status in {400, 401, 403}:
            # A used code, most often; a wrong secret is for the operator to see.
            logger.warning("The identity provider refused a code: %.100r", facts.get("error"))
            raise Untrusted("The provider did not confirm this sign-in. Try again.")
        if status != 200:
            raise ProviderDown
        return facts

    def verify_token(self, token: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            payload: dict[str, Any] = super().verify_token(token, **kwargs)
        except (jwt.PyJWTError, SuspiciousOperation, TypeError, ValueError) as error:
            raise _untrusted(str(error)) from None
        return payload

    def retrieve_matching_jwk(self, token: Any) -> jwt.PyJWK:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in KINDS:
            raise SuspiciousOperation("its algorithm is not allowed")
        for renew in (False, True):
            found = [
                key
                for key in provider.signing_keys(self.provider, renew=renew)
                if _fits(key, header)
            ]
            if len(found) == 1:
                return jwt.PyJWK(found[0], header["alg"])
        raise SuspiciousOperation("no key of the provider's fits")

    def get_payload_data(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        payload: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(KINDS),
            audience=settings.ALICE_OIDC_CLIENT_ID,
            issuer=settings.ALICE_OIDC_ISSUER,
            leeway=LEEWAY_SECONDS,
            options={"require": NEEDED, "enforce_minimum_key_length": True},
        )
        several = isinstance(payload["aud"], list) and len(payload["aud"]) > 1
        if (
            payload.get("azp", None if several else self.OIDC_RP_CLIENT_ID)
            != self.OIDC_RP_CLIENT_ID
        ):
            raise SuspiciousOperation("it was made for another client")
        return payload

    def get_or_create_user(self, access_token: Any, id_token: str, payload: Any) -> Claims:
        """Nobody is made here: the library's name for what becomes of checked claims."""
        subject = payload["sub"]
        if not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
            raise _untrusted("its subject cannot be kept")
        told = payload
        if self._is_new(subject) and not any(payload.get(name) for name in TELLING):
            told = self.get_userinfo(access_token, id_token, payload)
        return _claims(subject, told, payload.get("auth_time"))

    def get_userinfo(self, access_token: Any, id_token: str, payload: Any) -> dict[str, Any]:
        """What else the provider tells, by the name of the same subject."""
        if not self.provider.userinfo or not isinstance(access_token, str):
            return {}
        bearer = {"Authorization": f"Bearer {access_token}"}
        status, facts = provider.ask(self.provider.userinfo, headers=bearer)
        if status != 200 or facts.get("sub") != payload["sub"]:
            logger.warning("The identity provider tells nothing of its subject (%d)", status)
            return {}
        return facts

    @staticmethod
    def _is_new(subject: str) -> bool:
        issuer = settings.ALICE_OIDC_ISSUER
        return not OpenIdentity.objects.filter(issuer=issuer, subject=subject).exists()


def _basic(form: dict[str, str]) -> dict[str, str]:
    """The client's name and secret moved from the form to a header (RFC 6749, 2.3.1)."""
    pair = f"{quote_plus(form['client_id'])}:{quote_plus(form.pop('client_secret'))}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _fits(key: dict[str, Any], header: dict[str, Any]) -> bool:
    return (
        key.get("kty") == KINDS[header["alg"]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", header["alg"]) == header["alg"]
        and ("kid" not in header or key.get("kid") == header["kid"])
    )


def _claims(subject: str, told: dict[str, Any], signed_in_at: Any) -> Claims:
    words = {name: _word(told.get(name)) for name in TELLING}
    name = words["preferred_username"] or words["nickname"] or words["email"] or words["name"]
    return Claims(
        subject=subject,
        label=next(filter(None, words.values()), ""),
        username="".join(c for c in name.partition("@")[0] if c.isalnum() or c in ".+-_")[:150],
        email="" if told.get("email_verified") in DENIED else _email(words["email"]),
        signed_in_at=signed_in_at if isinstance(signed_in_at, int) else None,
    )


def _word(value: Any) -> str:
    """One line of a provider's text, fit to be kept and shown."""
    text = value.strip()[:LONGEST_LABEL] if isinstance(value, str) else ""
    return text if text.isprintable() else ""


def _email(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        return ""
    return text


def _untrusted(why: str) -> Untrusted:
    logger.warning("An ID token of the identity provider's was refused: %.300r", why)
    return Untrusted("The provider's answer could not be verified, so nobody was signed in.")
