"""What people write for a model, read: a repository, a page of a catalogue, a number, a link."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings

from accounts.problems import Invalid
from modelhub.downloads.asking import Asked
from modelhub.models import Source
from modelhub.sources.civitai import MARKS

REPO = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[^:@\s]+))?(?::(?P<file>\S+))?")
CIVITAI = re.compile(r"civitai:(?P<modelId>\d+)(?:@(?P<versionId>\d+))?")
# Paths of the catalogues' own pages and links.
HUGGINGFACE_PATHS = (
    re.compile(r"/(?P<repo>[\w.-]+/[\w.-]+)/(?:resolve|blob)/(?P<revision>[^/]+)/(?P<file>.+)"),
    re.compile(r"/(?P<repo>[\w.-]+/[\w.-]+)/tree/(?P<revision>[^/]+)/?"),
    re.compile(r"/(?P<repo>[\w.-]+/[\w.-]+)/?"),
)
CIVITAI_PATHS = (
    re.compile(r"/models/(?P<modelId>\d+)(?:/[^/]*)?/?"),
    re.compile(r"/api/download/models/(?P<versionId>\d+)/?"),
)


def recognised(text: str, kind: str = "", *, force: bool = False) -> Asked:
    """org/name, org/name@revision, org/name:file, civitai:ID, civitai:ID@VERSION, s3://bucket/key,
    a page or a file of either catalogue, or any link. Raises Invalid for anything else.
    """
    text = text.strip()
    if text.startswith("s3://"):
        return Asked(Source.S3, {"uri": text}, kind, force)
    if found := CIVITAI.fullmatch(text):
        return Asked(Source.CIVITAI, found.groupdict(), kind, force)
    if text.startswith(("http://", "https://")):
        source, reference = _of_link(text)
        return Asked(source, reference, kind, force)
    if found := REPO.fullmatch(text):
        return Asked(Source.HUGGINGFACE, found.groupdict(), kind, force)
    raise Invalid(
        f"{text[:80]!r} is neither a repository (org/name, org/name:file) nor a link, civitai:ID "
        "or s3://bucket/key.",
        param="what",
    )


def _of_link(url: str) -> tuple[str, Mapping[str, Any]]:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Invalid(f"{url[:80]!r} is not a URL.", param="what") from None
    host, path = parts.netloc.lower().removeprefix("www."), unquote(parts.path)
    if host in {"huggingface.co", "hf.co", urlsplit(settings.ALICE_HUGGINGFACE_URL).netloc}:
        for pattern in HUGGINGFACE_PATHS:
            if found := pattern.fullmatch(path):
                return Source.HUGGINGFACE, found.groupdict()
    if host in {"civitai.com", urlsplit(settings.ALICE_CIVITAI_URL).netloc}:
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        said = {"versionId": query.get("modelVersionId")} | {
            name: query[name] for name in MARKS if name in query
        }
        for pattern in CIVITAI_PATHS:
            if found := pattern.fullmatch(path):
                return Source.CIVITAI, said | found.groupdict()
    return Source.URL, {"url": url}
