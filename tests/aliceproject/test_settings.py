"""Settings turn an environment into a safe Django."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SHOW = (
    "import json; from aliceproject import settings;"
    "print(json.dumps({n: getattr(settings, n) for n in dir(settings) if n.isupper()},"
    " default=str))"
)


def settings(**variables: str) -> dict[str, Any]:
    """The settings a fresh process makes of these variables."""
    env = os.environ | variables
    done = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    made: dict[str, Any] = json.loads(done.stdout)
    return made


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    return settings()


@pytest.fixture(scope="module")
def secure() -> dict[str, Any]:
    return settings(ALICE_PUBLIC_URL="https://alice.example/")


def test_cookies_of_an_https_server_are_bound_to_it(secure: dict[str, Any]) -> None:
    assert secure["SESSION_COOKIE_NAME"].startswith("__Host-")
    assert secure["CSRF_COOKIE_NAME"].startswith("__Host-")
    assert secure["SESSION_COOKIE_SECURE"] is secure["CSRF_COOKIE_SECURE"] is True
    assert secure["SECURE_HSTS_SECONDS"] >= 31536000


def test_cookies_of_a_local_server_work_without_tls(plain: dict[str, Any]) -> None:
    assert plain["SESSION_COOKIE_SECURE"] is plain["SECURE_SSL_REDIRECT"] is False
    assert plain["SESSION_COOKIE_HTTPONLY"] is plain["CSRF_COOKIE_HTTPONLY"] is True
    assert plain["SESSION_COOKIE_SAMESITE"] == plain["CSRF_COOKIE_SAMESITE"] == "Lax"


def test_debugging_is_never_on(plain: dict[str, Any]) -> None:
    assert plain["DEBUG"] is False
    assert settings(DEBUG="true")["DEBUG"] is False


def test_authentication_is_on_by_default(plain: dict[str, Any]) -> None:
    assert plain["ALICE_REQUIRE_AUTH"] is True
    assert plain["ALICE_HOST"] == "127.0.0.1"


def test_the_public_host_is_an_own_host(secure: dict[str, Any]) -> None:
    assert "alice.example" in secure["ALICE_OWN_HOSTS"]
    assert secure["CSRF_TRUSTED_ORIGINS"] == ["https://alice.example"]


def test_sqlite_commits_are_durable_and_immediate(plain: dict[str, Any]) -> None:
    options = plain["DATABASES"]["default"]["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in options["init_command"]


def test_postgresql_connections_are_kept_and_checked() -> None:
    made = settings(DATABASE_URL="postgres://u:p@db:5433/alice")["DATABASES"]["default"]
    assert (made["HOST"], made["PORT"], made["NAME"]) == ("db", 5433, "alice")
    assert (made["CONN_MAX_AGE"], made["CONN_HEALTH_CHECKS"]) == (None, True)
    assert made["OPTIONS"] == {"connect_timeout": 5}


def test_an_operator_may_set_options_of_postgresql() -> None:
    made = settings(DATABASE_URL="postgres://u@db/alice?connect_timeout=1&sslmode=require")
    assert made["DATABASES"]["default"]["OPTIONS"] == {"connect_timeout": 1, "sslmode": "require"}


def test_redis_carries_events_when_it_is_there() -> None:
    layer = settings(REDIS_URL="redis://localhost:6390/0")["CHANNEL_LAYERS"]["default"]
    assert layer["BACKEND"].startswith("channels_redis.")


def test_a_body_may_be_as_large_as_the_limit_says() -> None:
    assert settings(ALICE_MAX_BODY_MB="3")["DATA_UPLOAD_MAX_MEMORY_SIZE"] == 3 * 2**20


def test_the_made_secret_is_private_and_kept(tmp_path: Path) -> None:
    first = settings(ALICE_DATA_DIR=str(tmp_path))["SECRET_KEY"]
    assert settings(ALICE_DATA_DIR=str(tmp_path))["SECRET_KEY"] == first
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


@pytest.mark.parametrize("alias", ["MODELS_CACHE_DIR"])
def test_a_former_name_still_works(alias: str, tmp_path: Path) -> None:
    assert settings(**{alias: str(tmp_path)})["ALICE_MODELS_DIR"] == str(tmp_path)


def test_importing_the_settings_loads_no_heavy_library() -> None:
    code = "import sys, aliceproject.settings; assert not {'torch', 'django.db'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), check=True)


def test_nobody_registers_unless_it_is_said(plain: dict[str, Any]) -> None:
    assert plain["ALICE_REGISTRATION"] == "closed"


@pytest.mark.parametrize(("said", "meant"), [("disabled", "closed"), ("approval", "approval")])
def test_disabled_means_closed(said: str, meant: str) -> None:
    assert settings(ALICE_REGISTRATION=said)["ALICE_REGISTRATION"] == meant
