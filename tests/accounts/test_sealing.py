import pytest
from pytest_django import Settings

from accounts import sealing

TOKEN = "a token of another server ✓"


def test_what_is_sealed_comes_back_and_is_not_in_it() -> None:
    sealed = sealing.seal(TOKEN)
    assert sealing.unseal(sealed) == TOKEN
    assert sealed.isascii()
    assert "token" not in sealed


def test_the_same_secret_never_looks_the_same() -> None:
    assert sealing.seal(TOKEN) != sealing.seal(TOKEN)


@pytest.mark.parametrize("wrong", ["", "plain", "gAAAAA", "ü", "\0"])
def test_text_that_nobody_sealed_is_refused(wrong: str) -> None:
    with pytest.raises(sealing.Unsealable):
        sealing.unseal(wrong)


def test_one_changed_letter_is_noticed() -> None:
    sealed = sealing.seal(TOKEN)
    changed = sealed[:30] + ("A" if sealed[30] != "A" else "B") + sealed[31:]
    with pytest.raises(sealing.Unsealable):
        sealing.unseal(changed)


def test_a_former_secret_key_opens_while_it_is_a_fallback(settings: Settings) -> None:
    sealed, former = sealing.seal(TOKEN), settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, [former]
    fresh = sealing.reseal(sealed)
    settings.SECRET_KEY_FALLBACKS = []
    assert sealing.unseal(fresh) == TOKEN
    with pytest.raises(sealing.Unsealable):
        sealing.unseal(sealed)
