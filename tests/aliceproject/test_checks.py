"""Unsafe or impossible settings stop the start, in words an operator can act on."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import CheckMessage
from django.test import override_settings

from aliceproject import checks
from aliceproject.settings import environment as source

ROOT = Path(__file__).parents[2]


def ids(messages: Any) -> list[str | None]:
    found: list[CheckMessage] = list(messages)
    return [message.id for message in found]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "alice.example"])
@override_settings(ALICE_REQUIRE_AUTH=False)
def test_a_public_address_without_authentication_is_refused(host: str) -> None:
    with override_settings(ALICE_HOST=host):
        assert ids(checks.public_without_authentication()) == ["alice.E001"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
@override_settings(ALICE_REQUIRE_AUTH=False)
def test_loopback_without_authentication_is_allowed(host: str) -> None:
    with override_settings(ALICE_HOST=host):
        assert ids(checks.public_without_authentication()) == []


@override_settings(ALICE_REQUIRE_AUTH=False, ALICE_HOST="0.0.0.0", ALICE_ALLOW_OPEN=True)
def test_an_operator_may_insist() -> None:
    assert ids(checks.public_without_authentication()) == []


def test_a_misspelt_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(source.env._process, "ALICE_PROT", "80")
    assert "ALICE_PROT" in str(checks.names_nothing_reads())


def test_aliases_that_disagree_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source.env, "warnings", ["A wins over B"])
    assert [message.msg for message in checks.aliases_that_disagree()] == ["A wins over B"]


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with override_settings(ALICE_DATA_DIR=tmp_path / "taken" / "data"):
        assert ids(checks.folders()) == ["alice.E004"]


def test_a_folder_that_can_be_made_is_fine(tmp_path: Path) -> None:
    with override_settings(ALICE_DATA_DIR=tmp_path / "a" / "b"):
        assert ids(checks.folders()) == []


def test_a_log_file_needs_its_folder(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with override_settings(ALICE_LOG_FILE=str(tmp_path / "taken" / "alice.log")):
        assert ids(checks.folders()) == ["alice.E004"]


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1", "mps"])
def test_known_devices_pass(device: str) -> None:
    with override_settings(ALICE_DEVICE=device):
        assert ids(checks.names_of_engine_parts()) == []


@pytest.mark.parametrize("device", ["tpu", "xpu", "gpu", "gpu:0", "cuda:", "cuda:x", "cpu:0", ""])
def test_unknown_devices_are_refused(device: str) -> None:
    with override_settings(ALICE_DEVICE=device):
        assert ids(checks.names_of_engine_parts()) == ["alice.E005"]


@override_settings(ALICE_DEFAULT_SCHEDULER="magic")
def test_an_unknown_scheduler_is_refused_naming_the_known() -> None:
    (message,) = checks.names_of_engine_parts()
    assert "dpm++_sde_karras" in message.msg


def test_a_wake_up_must_not_be_repeated_while_it_runs() -> None:
    cluster = settings.Q_CLUSTER | {"retry": settings.Q_CLUSTER["timeout"]}
    with override_settings(Q_CLUSTER=cluster):
        assert ids(checks.leases_and_retries()) == ["alice.E008"]


@override_settings(MIDDLEWARE=["whitenoise.middleware.WhiteNoiseMiddleware"])
def test_a_blocking_middleware_is_refused() -> None:
    assert ids(checks.middleware_never_blocks()) == ["alice.E009"]


def test_our_own_middleware_never_blocks() -> None:
    assert ids(checks.middleware_never_blocks()) == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ALICE_TRUSTED_PROXIES", "proxy", "alice.E010"),
        ("ALICE_CORS_ORIGINS", "*", "alice.E011"),
        ("ALICE_CORS_ORIGINS", "https://a.example/", "alice.E011"),
        ("ALICE_CORS_ORIGINS", "a.example", "alice.E011"),
        ("ALICE_ALLOWED_HOSTS", "*", "alice.E012"),
        ("ALICE_ALLOWED_HOSTS", ".a.example:80", "alice.E012"),
    ],
)
def test_names_of_the_network_are_exact(name: str, value: str, expected: str) -> None:
    with override_settings(**{name: [value]}):
        assert ids(checks.networks_and_origins()) == [expected]


@override_settings(HTTPS=True)
def test_https_without_a_trusted_proxy_is_pointed_out() -> None:
    assert ids(checks.https_needs_a_trusted_proxy()) == ["alice.I013"]


@override_settings(SECRET_KEY_FALLBACKS=["short"])
def test_a_short_former_key_is_refused() -> None:
    assert ids(checks.former_keys_are_long()) == ["alice.E014"]


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    env = os.environ | variables
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_shipped_settings_pass_the_deployment_check() -> None:
    done = manage(
        "check", "--deploy", "--fail-level", "WARNING", ALICE_PUBLIC_URL="https://alice.example"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_an_open_server_does_not_start(command: str) -> None:
    done = manage(command, ALICE_REQUIRE_AUTH="false", ALICE_HOST="0.0.0.0")
    assert done.returncode == 1
    assert "ALICE_ALLOW_OPEN=true" in done.stderr


def test_a_bad_value_stops_the_start_in_one_sentence() -> None:
    done = manage("serve", ALICE_PORT="eighty")
    assert done.returncode == 1
    assert done.stderr == (
        "ALICE cannot start. environment: ALICE_PORT='eighty' is not allowed: "
        "it must be a whole number from 1 to 65535\n"
    )


WHOLE = {
    "ALICE_OIDC_ISSUER": "https://id.example/realms/house/",
    "ALICE_OIDC_CLIENT_ID": "alice",
    "ALICE_OIDC_CLIENT_SECRET": "between two servers",
}


@pytest.mark.parametrize("issuer", [WHOLE["ALICE_OIDC_ISSUER"], "http://127.0.0.1:9000/o"])
def test_a_whole_provider_is_fine(issuer: str) -> None:
    with override_settings(**WHOLE | {"ALICE_OIDC_ISSUER": issuer}):
        assert ids(checks.a_whole_provider_or_none()) == []


@pytest.mark.parametrize("name", WHOLE)
def test_half_a_provider_is_refused(name: str) -> None:
    with override_settings(**WHOLE | {name: ""}):
        [problem] = checks.a_whole_provider_or_none()
        assert (problem.id, problem.msg) == ("alice.E016", f"{name} is missing.")


@pytest.mark.parametrize(
    "issuer",
    ["http://id.example", "ftp://id.example", "id.example", "https://", "https://a@id.example",
     "https://id.example?x=1", "https://id.example#x", "https://id.example:x", "https://[",
     f"https://id.example/{'x' * 255}"],
)  # fmt: skip
def test_an_issuer_that_cannot_be_trusted_is_refused(issuer: str) -> None:
    with override_settings(**WHOLE | {"ALICE_OIDC_ISSUER": issuer}):
        assert ids(checks.a_whole_provider_or_none()) == ["alice.E017"]


@override_settings(ALICE_OIDC_SCOPES="email profile")
def test_scopes_without_openid_are_refused() -> None:
    assert ids(checks.a_whole_provider_or_none()) == ["alice.E018"]
