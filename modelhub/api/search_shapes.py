"""Finds as the API gives them."""

from collections.abc import Mapping
from typing import Any

from modelhub.models import CatalogModel, Found
from modelhub.searching.catalogues import CATALOGUES
from modelhub.searching.finds import Question
from modelhub.searching.shelf import Shown

PAGES = {"civitai": "/models/", "huggingface": "/"}


def results(shown: Shown, question: Question) -> dict[str, Any]:
    installed = _installed(shown)
    return {
        "object": "list",
        "data": [result(found, installed) for found in shown.finds],
        "page": question.page,
        "hasMore": shown.has_more,
        "offline": shown.offline,
        "note": shown.note or None,
        "fetchedAt": int(shown.fetched_at.timestamp()),
    }


def result(found: Found, installed: Mapping[str, str]) -> dict[str, Any]:
    return {
        "source": found.source,
        "id": found.external_id,
        "name": found.name,
        "type": found.kind,
        "baseModel": found.base_model,
        "author": found.author,
        "description": found.description,
        "downloads": found.downloads,
        "rating": found.rating,
        "tags": found.tags,
        "nsfw": found.nsfw,
        "versions": [_version(version, installed) for version in found.versions],
        "previewUrl": preview_url(found),
        "url": CATALOGUES[found.source].base + PAGES[found.source] + found.external_id,
    }


def preview_url(found: Found) -> str | None:
    if not found.preview:
        return None
    asked = "?nsfw=true" if found.nsfw else ""
    return f"/v1/models/search/previews/{found.pk}{asked}"


def _version(version: Mapping[str, Any], installed: Mapping[str, str]) -> dict[str, Any]:
    files = [
        dict(file) | {"installed": installed.get(file["sha256"] or "")} for file in version["files"]
    ]
    return dict(version) | {"files": files}


def _installed(shown: Shown) -> dict[str, str]:
    """Public ids of the models here by the digest of their file."""
    digests = {
        file["sha256"]
        for found in shown.finds
        for version in found.versions
        for file in version["files"]
        if file["sha256"]
    }
    here = CatalogModel.objects.filter(sha256__in=digests, state=CatalogModel.State.READY)
    return dict(here.values_list("sha256", "public_id"))
