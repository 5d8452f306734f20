import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts import second_factor
from accounts.models import AuthenticatorApp, User


def secret_of(user: User) -> bytes:
    return bytes(AuthenticatorApp.objects.get(user=user).bin_key)


def test_the_former_secret_key_may_be_forgotten_afterwards(
    alice: User, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    second_factor.begin(alice)
    secret = secret_of(alice)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "n" * 50
    call_command("reseal_secrets")
    settings.SECRET_KEY_FALLBACKS = []
    assert secret_of(alice) == secret
    assert capsys.readouterr().out == "1 sealed anew.\n"


def test_what_nobody_can_open_is_named_and_the_rest_is_done(
    alice: User, bob: User, settings: Settings
) -> None:
    second_factor.begin(alice)
    lost = AuthenticatorApp.objects.get(user=alice)
    settings.SECRET_KEY = "n" * 50
    second_factor.begin(bob)
    before = AuthenticatorApp.objects.get(user=bob).sealed
    with pytest.raises(CommandError, match=f"accounts.AuthenticatorApp {lost.pk}$"):
        call_command("reseal_secrets", quiet=True)
    assert AuthenticatorApp.objects.get(user=bob).sealed != before
