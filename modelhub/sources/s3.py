"""Object storage: `s3://bucket/key` for one file, `s3://bucket/folder/` for a diffusers folder."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings

from accounts.problems import Invalid
from modelhub.detection.contents import FOREIGN, PICKLES
from modelhub.fetcher import Abandoned, BadReply
from modelhub.sources import names, repository
from modelhub.sources.contract import Body, File, GivenUp, Plan, Wanted, Wish
from modelhub.sources.errors import (
    Changed,
    Later,
    NotThere,
    NotUsable,
    SourceFailed,
    TokenNeeded,
    TooMuch,
)  # fmt: skip

SCHEME = "s3://"
# As S3 itself wants the names of buckets.
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
LONGEST_KEY = 1024
# What is listed under a prefix, of which a model takes some.
MOST_LISTED = 1000
PIECE_BYTES = 2**16
TIMES = {"connect_timeout": 10, "read_timeout": 30, "retries": {"total_max_attempts": 2}}


class Bucket:
    """`{uri}`; a folder ends with a slash or holds a model_index.json."""

    def read(self, reference: Mapping[str, Any]) -> Wish:
        uri = str(reference.get("uri") or "")
        bucket, key = _taken_apart(uri)
        last = PurePosixPath(key).name
        takes = names.weights(last) if _is_file(key) else names.fit(last)
        return Wish({"uri": f"{SCHEME}{bucket}/{key}"}, uri[:200], takes)

    def plan(self, asked: Mapping[str, Any], given_up: GivenUp) -> Plan:
        bucket, key = _taken_apart(asked["uri"])
        if _is_file(key):
            size, etag = _head(bucket, key)
            file = File("", asked["uri"], size, etag=etag)
            return Plan(names.weights(PurePosixPath(key).name), (file,))
        return _folder(bucket, key.rstrip("/") + "/")

    @contextmanager
    def opened(self, wanted: Wanted, given_up: GivenUp) -> Iterator[Body]:
        bucket, key = _taken_apart(wanted.url)
        more = {"Range": f"bytes={wanted.start}-"} if wanted.start else {}
        # An object that is another by now has no second half to go on with.
        more |= {"IfMatch": wanted.etag} if wanted.etag else {}
        with _named(bucket):
            found = client().get_object(Bucket=bucket, Key=key, **more)
        with closing(found["Body"]) as stream:
            total = wanted.start + int(found["ContentLength"])
            pieces = _pieces(stream, bucket, given_up)
            yield Body(wanted.start, total, str(found.get("ETag") or ""), pieces)


def _is_file(key: str) -> bool:
    """Of weights in whatever format; the rest are folders, with or without a slash."""
    return key.lower().endswith((names.WEIGHTS, *PICKLES, *FOREIGN))


def _folder(bucket: str, prefix: str) -> Plan:
    listed = {each["Key"].removeprefix(prefix): each for each in _listing(bucket, prefix)}
    if repository.INDEX not in listed:
        raise NotUsable(f"{SCHEME}{bucket}/{prefix} has no {repository.INDEX}.")
    with _named(bucket):
        stream = client().get_object(Bucket=bucket, Key=prefix + repository.INDEX)["Body"]
        index = repository.readable(stream.read(repository.MAX_INDEX))
    entries = [repository.Entry(path, int(each["Size"])) for path, each in listed.items()]
    chosen = repository.pipeline(index, entries)
    files = tuple(
        File(
            names.inside(path),
            f"{SCHEME}{bucket}/{prefix}{names.inside(entry.path)}",
            entry.size,
            etag=str(listed[entry.path]["ETag"]),
        )
        for path, entry in chosen.items()
    )
    return Plan(names.fit(PurePosixPath(prefix).name), files, "checkpoint")


def _listing(bucket: str, prefix: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with _named(bucket):
        pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            found += page.get("Contents", [])
            if len(found) > MOST_LISTED:
                raise TooMuch(f"{SCHEME}{bucket}/{prefix} has more files than a model has.")
    return found


def _head(bucket: str, key: str) -> tuple[int, str]:
    with _named(bucket):
        found = client().head_object(Bucket=bucket, Key=key)
    return int(found["ContentLength"]), str(found.get("ETag") or "")


def _pieces(stream: Any, bucket: str, given_up: GivenUp) -> Iterator[bytes]:
    with _named(bucket):
        for piece in stream.iter_chunks(PIECE_BYTES):
            if given_up():
                raise Abandoned("Nobody waits for it any more.")
            yield piece


def client() -> Any:
    """What is not in our settings is found as AWS's own tools find it.

    Imported here: a web process reads references and needs none of it.
    """
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        "s3",
        aws_access_key_id=settings.AWS_ACCESS_KEY_ID,
        aws_secret_access_key=settings.AWS_SECRET_ACCESS_KEY,
        region_name=settings.AWS_REGION,
        endpoint_url=settings.AWS_ENDPOINT_URL,
        config=Config(**TIMES),
    )


def _taken_apart(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    fits = uri.startswith(SCHEME) and BUCKET.fullmatch(bucket) and 0 < len(key) <= LONGEST_KEY
    if not fits or any(part in {"", ".", ".."} for part in key.rstrip("/").split("/")):
        raise Invalid("Object storage is named as s3://bucket/key.", param="uri")
    return bucket, key


@contextmanager
def _named(bucket: str) -> Iterator[None]:
    """AWS's errors in our words; their own text may carry host names and keys."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        answer = error.response.get("ResponseMetadata", {})
        raise _refusal(bucket, int(answer.get("HTTPStatusCode") or 500)) from None
    except BotoCoreError as error:
        kind = type(error).__name__
        if kind in {"NoCredentialsError", "PartialCredentialsError"}:
            raise TokenNeeded("Object storage needs AWS_ACCESS_KEY_ID and its secret.") from None
        raise BadReply(f"The bucket {bucket} does not answer ({kind}).") from None
    except OSError:
        raise BadReply(f"The line to the bucket {bucket} broke.") from None


def _refusal(bucket: str, status: int) -> SourceFailed:
    if status in {401, 403}:
        return TokenNeeded(f"The keys in AWS_* may not read from {bucket} ({status}).")
    if status == 404:
        return NotThere(f"{bucket} has no such object.")
    if status in {412, 416}:
        return Changed(f"The object in {bucket} was replaced meanwhile.")
    if status in {408, 429} or status >= 500:
        return Later(f"{bucket} cannot answer just now ({status}).")
    return SourceFailed(f"{bucket} answers {status}.")
