"""Files in an S3 bucket, through django-storages."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile
from storages.backends.s3 import S3Storage

from gallery.disk import Listed
from gallery.errors import FileLost, StorageDown

# A bucket that does not answer must not hold a request or a worker for minutes.
CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3, "mode": "standard"}
)
# As many objects as S3 lists at once.
PAGE = 1000
FAILURES = (BotoCoreError, ClientError)


class Bucket:
    """As `disk.Disk`, at `s3://bucket/prefix`; credentials and endpoint as AWS's tools read them."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._files = S3Storage(
            bucket_name=parts.netloc,
            location=parts.path.strip("/"),
            default_acl=None,
            file_overwrite=True,
            client_config=CONFIG,
        )

    def write(self, name: str, data: bytes) -> None:
        """Returns once the bucket has the whole object; S3 objects are whole or absent."""
        try:
            self._files.save(name, ContentFile(data))
        except FAILURES as error:
            raise _named(error) from error

    def read(self, name: str) -> bytes:
        try:
            with self._files.open(name, "rb") as stream:
                return bytes(stream.read())
        except FileNotFoundError as error:
            raise FileLost from error
        except FAILURES as error:
            raise _named(error) from error

    def remove(self, name: str) -> None:
        try:
            self._files.delete(name)
        except FAILURES as error:
            raise _named(error) from error

    def has(self, name: str) -> bool:
        try:
            return bool(self._files.exists(name))
        except FAILURES as error:
            raise _named(error) from error

    def listing(self, folder: str) -> Iterator[Listed]:
        """The objects under one folder, read a page at a time."""
        start = f"{self._files.location}/" if self._files.location else ""
        pages = self._files.connection.meta.client.get_paginator("list_objects_v2").paginate(
            Bucket=self._files.bucket_name,
            Prefix=f"{start}{folder}/",
            PaginationConfig={"PageSize": PAGE},
        )
        try:
            for page in pages:
                for entry in page.get("Contents", ()):
                    name = entry["Key"].removeprefix(start)
                    yield Listed(name, entry["LastModified"].timestamp())
        except FAILURES as error:
            raise _named(error) from error


def _named(error: Exception) -> StorageDown:
    # The text of the cause may carry host names and keys: it goes to the log, not to the caller.
    kind = type(error).__name__
    return StorageDown(f"The picture bucket does not answer ({kind}).", retry_after=30)
