"""Object storage, spoken to as AWS's own tools do."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from pytest_django import Settings

from modelhub.models import Download
from tests.hub.weights import pipeline, safetensors
from tests.modelhub.downloads.conftest import Fetch


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, settings: Settings) -> Any:
    settings.AWS_ENDPOINT_URL, settings.AWS_REGION = endpoint, "us-east-1"
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = "test"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test",
        aws_secret_access_key="test",
    )  # fmt: skip
    name = f"models-{uuid.uuid4().hex[:8]}"
    client.create_bucket(Bucket=name)

    def put(key: str, data: bytes) -> str:
        client.put_object(Bucket=name, Key=key, Body=data)
        return f"s3://{name}/{key}"

    return put


def test_a_checkpoint_comes_from_a_bucket(bucket: Any, fetch: Fetch, models_dir: Path) -> None:
    data = safetensors(3_000_000)
    done = fetch("s3", uri=bucket("some/lake.safetensors", data))
    assert done.status == Download.Status.COMPLETED, done.error_message
    assert (models_dir / done.target).read_bytes() == data


def test_a_folder_comes_as_a_pipeline(bucket: Any, fetch: Fetch, models_dir: Path) -> None:
    put = [bucket(f"some/tiny/{path}", data) for path, data in pipeline().items()]
    done = fetch("s3", uri=put[0].partition("/some/")[0] + "/some/tiny/")
    assert done.status == Download.Status.COMPLETED, done.error_message
    assert (models_dir / "tiny/unet/diffusion_pytorch_model.safetensors").exists()
    assert not list((models_dir / "tiny").rglob("*.py"))


def test_a_missing_object_is_named(bucket: Any, fetch: Fetch) -> None:
    uri = bucket("x", b"")
    done = fetch("s3", uri=uri[:-1] + "none.safetensors")
    assert done.error_code == "source_not_found"
