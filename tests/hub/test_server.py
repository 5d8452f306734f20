"""The hub of the tests speaks the real protocol: the real client fetches from it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub import server
from tests.hub.server import Hub, sha256
from tests.hub.weights import pipeline, safetensors

CLIENT = """
import sys
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
{code}
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with server.running() as running:
        yield running


def client(hub: Hub, home: Path, code: str, token: str = "") -> "subprocess.CompletedProcess[str]":
    """Runs in a process of its own: the client reads where its hub is when it is imported."""
    env = os.environ | {
        "HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_TOKEN": token,
        "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "*",
    }  # fmt: skip
    command = [sys.executable, "-c", CLIENT.format(code=code)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def test_the_real_client_fetches_one_file(hub: Hub, tmp_path: Path) -> None:
    data = safetensors(300_000)
    hub.repo("maker/lakes", {"lake.safetensors": data, "README.md": b"#"})
    done = client(hub, tmp_path, "print(hf_hub_download('maker/lakes', 'lake.safetensors'))")
    assert done.returncode == 0, done.stderr
    assert sha256(Path(done.stdout.strip()).read_bytes()) == sha256(data)


def test_the_real_client_fetches_a_snapshot_and_lists_it(hub: Hub, tmp_path: Path) -> None:
    repo = hub.repo("maker/tiny", pipeline())
    code = """
for entry in HfApi().list_repo_tree('maker/tiny', recursive=True):
    print('tree', entry.path, getattr(getattr(entry, 'lfs', None), 'sha256', ''))
print('commit', HfApi().model_info('maker/tiny').sha)
print('at', snapshot_download('maker/tiny', revision='main'))
"""
    done = client(hub, tmp_path, code)
    assert done.returncode == 0, done.stderr
    assert f"commit {repo.commit}" in done.stdout
    assert f"v1-5.safetensors {sha256(repo.files['v1-5.safetensors'])}" in done.stdout
    folder = Path(done.stdout.split("at ", 1)[1].strip())
    assert folder.name == repo.commit
    assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == set(repo.files)


def test_the_real_client_knows_its_refusals(hub: Hub, tmp_path: Path) -> None:
    hub.repo("maker/gated", {"x.safetensors": safetensors(1000)}, gated=True)
    get = "hf_hub_download('maker/{}', 'x.safetensors')"
    assert "GatedRepoError" in client(hub, tmp_path, get.format("gated")).stderr
    assert "RepositoryNotFoundError" in client(hub, tmp_path, get.format("none")).stderr
    hub.tokens.add("hf_right")
    done = client(hub, tmp_path, get.format("gated"), token="hf_right")
    assert done.returncode == 0, done.stderr
    assert not any("authorization" in heard.headers for heard in hub.at_storage())
