"""The S3 store against a real S3-speaking server over HTTP."""

import hashlib
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from accounts.models import User
from gallery import bucket, storage
from gallery.models import Image
from gallery.storage import FileLost, StorageDown
from tests.gallery.conftest import Keep, staged


class Listing:
    def __init__(self, client: Any, name: str) -> None:
        self.client, self.name = client, name

    def __call__(self) -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return [entry["Key"] for entry in found]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def keys_in(endpoint: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Listing:
    """An empty bucket that ALICE_STORAGE_URL names; call it for the keys it holds."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    name = f"pictures-{uuid.uuid4().hex[:8]}"
    client = boto3.client("s3")
    where = {"LocationConstraint": "eu-central-1"}
    client.create_bucket(Bucket=name, CreateBucketConfiguration=where)
    settings.ALICE_STORAGE_URL = f"s3://{name}/some/prefix"
    return Listing(client, name)


def test_stage_puts_both_files_under_the_prefix(keys_in: Listing) -> None:
    stored = staged("abcd-1")
    assert keys_in() == ["some/prefix/ab/abcd-1.png", "some/prefix/ab/abcd-1.webp"]
    body = keys_in.client.get_object(Bucket=keys_in.name, Key=keys_in()[0])["Body"].read()
    assert hashlib.sha256(body).hexdigest() == stored.sha256


def test_objects_are_private(keys_in: Listing) -> None:
    staged()
    grants = keys_in.client.get_object_acl(Bucket=keys_in.name, Key=keys_in()[0])["Grants"]
    assert not [grant for grant in grants if "AllUsers" in grant["Grantee"].get("URI", "")]


def test_read_gives_what_was_kept(keys_in: Listing, alice: User, keep: Keep) -> None:
    image = keep(alice)
    assert hashlib.sha256(storage.read(image)).hexdigest() == image.sha256
    assert storage.read_thumbnail(image)[:4] == b"RIFF"


def test_delete_leaves_nothing(keys_in: Listing, alice: User, keep: Keep) -> None:
    storage.delete(keep(alice))
    assert keys_in() == []
    assert not Image.objects.exists()


def test_missing_object_is_said(keys_in: Listing, alice: User, keep: Keep) -> None:
    image = keep(alice)
    keys_in.client.delete_object(Bucket=keys_in.name, Key=f"some/prefix/{image.file}")
    with pytest.raises(FileLost):
        storage.read(image)


def test_missing_bucket_is_named_without_secrets(keys_in: Listing, settings: Settings) -> None:
    settings.ALICE_STORAGE_URL = "s3://no-such-bucket"
    with pytest.raises(StorageDown, match="does not answer") as caught:
        staged()
    assert caught.value.code == "storage_unavailable"
    assert "127.0.0.1" not in caught.value.message


@pytest.mark.parametrize("call", ["write", "read", "remove"])
def test_server_that_is_gone_is_named(
    keys_in: Listing, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        store = bucket.Bucket("s3://pictures/prefix")
        with pytest.raises(StorageDown):
            getattr(store, call)("ab/x.png", *([b"data"] if call == "write" else []))
