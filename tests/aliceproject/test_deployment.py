"""What Django itself holds to be unsafe in production is not so here."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.fixtures import environment

ROOT = Path(__file__).parents[2]
PRODUCTION = {"ALICE_PUBLIC_URL": "https://alice.example", "ALICE_BACKEND": "mock"}
ASK = """
import json
from django.conf import settings
names = ("DEBUG", "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE",
         "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS")
print(json.dumps([getattr(settings, name) for name in names]))
"""


def manage(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(ALICE_DATA_DIR=str(folder), **(PRODUCTION | more)),
        capture_output=True,
        text=True,
    )


def test_the_deployment_check_is_clean(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


def test_https_brings_host_cookies_and_hsts(tmp_path: Path) -> None:
    done = manage(tmp_path, "shell", "-v0", "-c", ASK)
    told = done.stdout.splitlines()[-1]
    assert (
        told == '[false, "__Host-alice-session", "__Host-alice-csrf", true, true, true, 31536000]'
    )


@pytest.mark.parametrize("secret", ["short", "a" * 49])
def test_a_weak_key_is_refused_and_not_repeated(tmp_path: Path, secret: str) -> None:
    done = manage(tmp_path, "check", ALICE_SECRET_KEY=secret)
    assert done.returncode != 0
    assert secret not in done.stdout + done.stderr
