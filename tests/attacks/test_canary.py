"""Secrets stay secret: whoever asks for whatever, no answer and no log line holds one."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.attacks.stage import Stage, named, open_stage
from tests.attacks.test_matrix import IDENTITIES, rows
from tests.live import service
from tests.services.fixtures import PostgreSQL

ERRORS = [
    ("GET /v1/gallery?cursor=x", {}),
    ("GET /nothing", {}),
    ("POST /v1/jobs", {"Content-Type": "application/json"}),
    ("GET /v1/gallery", {"Authorization": "Bearer sk-alice-x"}),
    ("POST /web/login", {}),
    ("GET /v1/gallery", {"Host": "evil.example"}),
]


@dataclass
class Seeded:
    """A server whose every secret is known to us, by name."""

    stage: Stage
    secrets: Mapping[str, str]

    def found_in(self, text: str) -> list[str]:
        return [name for name, secret in self.secrets.items() if secret in text]


@pytest.fixture(scope="module")
def seeded(postgresql: PostgreSQL) -> Iterator[Seeded]:
    known = {
        name: f"canary{name}{secrets.token_hex(24)}"
        for name in ("key", "fallback", "database", "object", "oidc", "hub")
    }
    postgresql.execute("CREATE DATABASE canary")
    url = postgresql.url("canary").replace("alice@", f"alice:{known['database']}@")
    environment = {
        "DATABASE_URL": url,
        "ALICE_SECRET_KEY": known["key"],
        "ALICE_SECRET_KEY_FALLBACKS": known["fallback"],
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": known["object"],
        "ALICE_OIDC_ISSUER": "http://127.0.0.1:9",
        "ALICE_OIDC_CLIENT_ID": "alice",
        "ALICE_OIDC_CLIENT_SECRET": known["oidc"],
        "HUGGINGFACE_TOKEN": known["hub"],
        "ALICE_LOG_LEVEL": "debug",
    }
    with service(worker=False, **environment) as live:
        stage = open_stage(live)
        # Programs' keys and people's sessions are secrets from everybody else as well.
        known |= {f"key of {name}": secret for name, secret in stage.secrets.items()}
        known |= {f"session of {name}": cookie for name, cookie in stage.cookies.items()}
        yield Seeded(stage, known | {"password": "pbkdf2_sha256$"})


def test_no_answer_to_anybody_holds_a_secret(seeded: Seeded) -> None:
    stage = seeded.stage
    leaks: dict[str, list[str]] = {}
    told: dict[str, int] = {}
    paths = sorted({row.path for row in rows() if row.method == "GET" and not row.names})
    for number, path in enumerate(paths):
        for identity in IDENTITIES:
            line = f"GET {named(path, stage.names)}"
            answer = stage.ask(line, stage.credentials(identity), source=stage.source(number))
            told[path] = max(answer.status, told.get(path, 0))
            if found := seeded.found_in(f"{answer.text}\n{answer.headers}"):
                leaks[f"{line} as {identity}"] = found
    assert leaks == {}
    # Every page and every list works on PostgreSQL, too; without a worker little is ready, and the
    # provider of this server never answers.
    away = {"/web/login/openid", "/web/confirm/openid", "/web/account/openid/begin"}
    assert {path for path, status in told.items() if status >= 500} <= {"/readyz", *away}


def test_no_refusal_holds_a_secret(seeded: Seeded) -> None:
    for line, headers in ERRORS:
        for identity in IDENTITIES:
            answer = seeded.stage.ask(line, seeded.stage.credentials(identity) | headers)
            assert seeded.found_in(f"{answer.text}\n{answer.headers}") == []


def test_no_failure_and_no_log_line_holds_a_secret(seeded: Seeded, postgresql: PostgreSQL) -> None:
    postgresql.stop()
    try:
        answers = [
            seeded.stage.ask(line, seeded.stage.credentials(identity))
            for line in ("GET /v1/gallery", "GET /web/gallery", "GET /health", "GET /readyz")
            for identity in ("read", "owner")
        ]
    finally:
        postgresql.start()
    assert {answer.status for answer in answers} & {500, 503}
    assert [seeded.found_in(answer.text) for answer in answers] == [[]] * len(answers)
    assert seeded.found_in(seeded.stage.live.log) == []
