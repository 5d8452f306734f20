"""CivitAI's /api/v1/models: its parameters and its answers."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from modelhub.searching import reading
from modelhub.searching.finds import OTHER, TYPES, File, Find, OtherShape, Question, Reply, Version

MOST_VERSIONS, MOST_FILES, MOST_TAGS, MOST_IMAGES = 20, 20, 30, 40
# Bits of nsfwLevel: PG and PG-13 are 1 and 2, what is above is for adults.
ADULT = ~3
WEIGHTS = frozenset({"Model", "Pruned Model", "VAE"})
FORMATS = {"SafeTensor": "safetensors", "PickleTensor": "pickle", "Diffusers": "diffusers"}
# As large as our cards show it twice over; the original has megabytes.
WIDTH = "width=450"
BY_PAGE = "page="


def query(question: Question, onward: str) -> Sequence[tuple[str, str]]:
    asked = [("limit", str(question.limit)), ("nsfw", str(question.nsfw).lower())]
    asked += [("types", each) for each in question.types]
    if question.query:
        # Sorted by relevance then; `page` is refused beside `query`.
        asked.append(("query", question.query))
    else:
        asked += [("sort", "Most Downloaded"), ("period", "AllTime")]
    if onward.startswith(BY_PAGE):
        asked.append(("page", onward.removeprefix(BY_PAGE)))
    elif onward:
        asked.append(("cursor", onward))
    return asked


def read(told: Any, _: Mapping[str, str], base: str) -> Reply:
    """Raises OtherShape for JSON of another shape."""
    if not isinstance(reading.table(told).get("items"), list):
        raise OtherShape("no items")
    finds = (_find(item) for item in reading.tables(told["items"], 200))
    onward = _onward(reading.table(told.get("metadata")))
    return Reply(tuple(find for find in finds if find is not None), onward)


def _onward(metadata: Mapping[str, Any]) -> str:
    """The next page's cursor, or its number where it has none. Its URL itself is never asked."""
    cursor = reading.line(metadata.get("nextCursor"), 500)
    if cursor:
        return cursor
    url = metadata.get("nextPage")
    asked = dict(parse_qsl(urlsplit(url).query)) if isinstance(url, str) else {}
    if asked.get("cursor"):
        return reading.line(asked["cursor"], 500)
    page = asked.get("page", "")
    return BY_PAGE + page[:9] if page.isascii() and page.isdigit() else ""


def _find(item: Mapping[str, Any]) -> Find | None:
    external_id = reading.line(item.get("id"), 20)
    name = reading.line(item.get("name"), 255)
    versions = list(reading.tables(item.get("modelVersions"), MOST_VERSIONS))
    if not (external_id.isascii() and external_id.isdigit() and name and versions):
        return None
    kind = item["type"] if item.get("type") in TYPES else OTHER
    preview, adult = _preview(versions)
    stats = reading.table(item.get("stats"))
    return Find(
        external_id=external_id,
        name=name,
        kind=kind,
        base_model=reading.line(versions[0].get("baseModel"), 64),
        author=reading.line(reading.table(item.get("creator")).get("username"), 255),
        description=reading.prose(item.get("description"), 4000),
        downloads=reading.whole(stats.get("downloadCount")),
        rating=_rating(stats),
        tags=reading.names(item.get("tags"), MOST_TAGS, 50),
        nsfw=item.get("nsfw") is True or adult,
        versions=tuple(_version(each, runnable=kind != OTHER) for each in versions),
        preview=preview,
    )


def _rating(stats: Mapping[str, Any]) -> float | None:
    """0 to 5. Where only thumbs are counted: the share of those that point up."""
    rating = reading.number(stats.get("rating"))
    if rating:
        return max(0.0, min(5.0, rating))
    up, down = (reading.whole(stats.get(f"thumbs{way}Count")) for way in ("Up", "Down"))
    return round(5 * up / (up + down), 2) if up + down else None


def _preview(versions: Sequence[Mapping[str, Any]]) -> tuple[str, bool]:
    """A picture that everybody may see, else one for adults; and whether it is only that."""
    images = [i for v in versions for i in reading.tables(v.get("images"), MOST_IMAGES)]
    shown = [(i, reading.address(i.get("url"))) for i in images if i.get("type") in {None, "image"}]
    known = [(_small(url), _adult(i)) for i, url in shown if url]
    plain = next((url for url, adult in known if not adult), "")
    return (plain, False) if plain or not known else (known[0][0], True)


def _adult(image: Mapping[str, Any]) -> bool:
    level = image.get("nsfwLevel", image.get("nsfw"))
    if isinstance(level, str):
        return level not in {"None", "Soft"}
    return level is True or bool(reading.whole(level) & ADULT)


def _small(url: str) -> str:
    parts = url.split("/")
    sizes = [n for n, part in enumerate(parts) if part.startswith(("width=", "original="))]
    if sizes:
        parts[sizes[0]] = WIDTH
    return "/".join(parts)


def _version(told: Mapping[str, Any], *, runnable: bool) -> Version:
    files = [
        _file(each, runnable=runnable) for each in reading.tables(told.get("files"), MOST_FILES)
    ]
    return Version(
        id=reading.line(told.get("id"), 20),
        name=reading.line(told.get("name"), 100),
        files=tuple(files),
        gated=told.get("availability") not in {None, "Public"},
    )


def _file(told: Mapping[str, Any], *, runnable: bool) -> File:
    name = reading.line(told.get("name"), 255)
    size = reading.number(told.get("sizeKB"))
    safe = name.lower().endswith(".safetensors")
    told_format = reading.line(reading.table(told.get("metadata")).get("format"), 20)
    return File(
        id=reading.line(told.get("id"), 20),
        name=name,
        size_bytes=round(size * 1024) if size and 0 < size < 2**43 else None,
        format="safetensors" if safe else FORMATS.get(told_format, told_format.lower()),
        sha256=reading.sha256(reading.table(told.get("hashes")).get("SHA256")),
        downloadable=runnable and safe and told.get("type") in WEIGHTS,
    )
