"""A live server with a small real model in its folder, and the official client of OpenAI."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from openai import OpenAI

from tests.live import Live, service
from tests.tiny_models import build_sd

# What the mock back end takes a step: enough to see a picture grow, too little to wait for.
STEP_SECONDS = "0.05"


@dataclass(frozen=True)
class Stand:
    """A server, and a key of a user of it."""

    live: Live
    key: str

    def client(self, *, strict: bool = False, retries: int = 0, key: str = "") -> OpenAI:
        return OpenAI(
            base_url=f"{self.live.url}/v1",
            api_key=key or self.key,
            max_retries=retries,
            timeout=60,
            _strict_response_validation=strict,
        )


def stand_on(live: Live) -> Stand:
    live.manage("scan_models")
    live.manage("createsuperuser", "--noinput", "--username=alice", "--email=alice@example.org")
    return Stand(live, live.manage("create_api_key", "alice", "--name=sdk", "--quiet"))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    build_sd(folder / "tiny")
    return folder


@pytest.fixture(scope="session")
def stand(models: Path) -> Iterator[Stand]:
    settings = {"ALICE_MODELS_DIR": str(models), "ALICE_MOCK_STEP_SECONDS": STEP_SECONDS}
    with service(worker=True, **settings) as live:
        yield stand_on(live)


@pytest.fixture(scope="session")
def drawing_stand(models: Path) -> Iterator[Stand]:
    """The same with a real pipeline."""
    with service(worker=True, ALICE_MODELS_DIR=str(models), ALICE_BACKEND="diffusers") as live:
        yield stand_on(live)


@pytest.fixture(params=[False, True], ids=["lenient", "strict"])
def client(stand: Stand, request: pytest.FixtureRequest) -> Iterator[OpenAI]:
    """As people use it, and with every reply held against its declared type."""
    with stand.client(strict=request.param) as client:
        yield client
