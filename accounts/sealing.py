"""Secrets that must be read again, such as tokens of other servers: encrypted where they lie.

The key is derived from the secret key; those of SECRET_KEY_FALLBACKS still open, so that the secret
key can be changed: first `manage.py reseal_secrets`, then forget the former one.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models

PURPOSE = b"alice sealing 1"


class Unsealable(ValueError):
    """Sealed with a secret key that is not known any more, or no sealed text at all."""


class SealedText(models.TextField):  # type: ignore[type-arg] # only in the stubs
    """A column of what `seal` made. It stays sealed when it is read: what shows a row, writes it to
    a log or copies it must not tell the secret. `manage.py reseal_secrets` finds it by this type.
    """


def seal(text: str) -> str:
    """`text` as only this server can read it: about 4/3 of its length and 100 characters more."""
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """What was sealed. Raises Unsealable."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unsealable("Sealed with a secret key that this server no longer has.") from None


def reseal(sealed: str) -> str:
    """The same secret under the present secret key. Raises Unsealable."""
    return seal(unseal(sealed))


def _keys() -> MultiFernet:
    known = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(key)) for key in known])


def _derived(secret: str) -> bytes:
    # The secret key is random, so that one round is enough: there is nothing to guess.
    stretched = HKDF(SHA256(), length=32, salt=None, info=PURPOSE).derive(secret.encode())
    return base64.urlsafe_b64encode(stretched)
