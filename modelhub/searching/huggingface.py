"""Hugging Face's /api/models: its parameters and its answers."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from modelhub.searching import reading
from modelhub.searching.finds import OTHER, File, Find, OtherShape, Question, Reply, Version

MOST_FILES, MOST_NAMES, MOST_TAGS = 40, 5000, 30
REPOSITORY = re.compile(r"[\w.-]{1,96}(/[\w.-]{1,96})?", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
NEXT = re.compile(r'<([^<>]{1,4000})>\s*;\s*rel="next"')
DENOISERS = ("unet/", "transformer/")
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
PICKLES = (".ckpt", ".pt", ".pth", ".bin")
# The first tag that fits says what it is; nothing but weights, then a checkpoint.
KINDS = (
    ("lora", "LORA"), ("textual_inversion", "TextualInversion"), ("controlnet", "Controlnet"),
    ("t2i-adapter", OTHER), ("ip-adapter", OTHER), ("gguf", OTHER), ("onnx", OTHER),
)  # fmt: skip
FOR_ADULTS = "not-for-all-audiences"
# Tags that say how, not what: they would only push the others out.
NOISE = ("region:", "base_model:", "license:", "arxiv:", "doi:", "dataset:", "endpoints_")


def query(question: Question, onward: str) -> Sequence[tuple[str, str]]:
    asked = [("pipeline_tag", "text-to-image"), ("sort", "downloads"), ("direction", "-1")]
    asked += [("limit", str(question.limit)), ("full", "true")]
    if question.query:
        asked.append(("search", question.query))
    if onward:
        asked.append(("cursor", onward))
    return asked


def read(told: Any, headers: Mapping[str, str], base: str) -> Reply:
    """Raises OtherShape for JSON of another shape."""
    if not isinstance(told, list):
        raise OtherShape("no list")
    finds = (_find(item, base) for item in reading.tables(told, 200))
    onward = _onward(headers.get("link", ""))
    return Reply(tuple(find for find in finds if find is not None), onward)


def _onward(link: str) -> str:
    """The cursor in the next page's URL, which itself is never asked."""
    found = NEXT.search(link[:8192])
    asked = dict(parse_qsl(urlsplit(found.group(1)).query)) if found else {}
    return reading.line(asked.get("cursor"), 2000)


def _find(item: Mapping[str, Any], base: str) -> Find | None:
    external_id = item.get("id") or item.get("modelId")
    if not isinstance(external_id, str) or not REPOSITORY.fullmatch(external_id):
        return None
    tags = reading.names(item.get("tags"), 200, 100)
    siblings = reading.tables(item.get("siblings"), MOST_NAMES)
    names = [name for each in siblings if (name := reading.line(each.get("rfilename"), 255))]
    commit = item.get("sha")
    commit = commit if isinstance(commit, str) and COMMIT.fullmatch(commit) else "main"
    kind = _kind(tags, names)
    owner, _, name = external_id.rpartition("/")
    gated = item.get("gated") not in {None, False} or item.get("private") is True
    return Find(
        external_id=external_id,
        name=name,
        kind=kind,
        base_model=_base_model(tags),
        author=reading.line(item.get("author"), 255) or owner,
        description="",
        downloads=reading.whole(item.get("downloads")),
        rating=None,
        tags=tuple(tag[:50] for tag in tags if not tag.startswith(NOISE))[:MOST_TAGS],
        nsfw=FOR_ADULTS in tags,
        versions=(Version(commit, commit[:7], _files(names, kind), gated),),
        preview=_preview(external_id, commit, names, base),
    )


def _kind(tags: Sequence[str], names: Sequence[str]) -> str:
    if "model_index.json" in names:
        return "Checkpoint"
    named = next((kind for tag, kind in KINDS if tag in tags), "")
    return named or ("Checkpoint" if any(map(_is_weights, names)) else OTHER)


def _is_weights(name: str) -> bool:
    return name.lower().endswith(".safetensors") and "/" not in name


def _base_model(tags: Sequence[str]) -> str:
    """What it was made from, as its card says: `base_model:[relation:]organisation/name`."""
    said = [tag.rpartition(":")[2] for tag in tags if tag.startswith("base_model:")]
    return said[0][:64] if said else ""


def _files(names: Sequence[str], kind: str) -> tuple[File, ...]:
    """The repository in diffusers layout as one, and each weights file at its top."""
    whole: list[File] = []
    if "model_index.json" in names:
        safe = any(n.startswith(DENOISERS) and n.endswith(".safetensors") for n in names)
        whole = [File("", "all files", None, "diffusers", "", downloadable=safe)]
    single = [
        File(name, name, None, "safetensors", "", downloadable=kind != OTHER)
        if _is_weights(name)
        else File(name, name, None, "pickle", "", downloadable=False)
        for name in names
        if "/" not in name and name.lower().endswith((".safetensors", *PICKLES))
    ]
    return (*whole, *single[:MOST_FILES])


def _preview(repository: str, commit: str, names: Sequence[str], base: str) -> str:
    pictures = [name for name in names if name.lower().endswith(PICTURES)]
    if not pictures:
        return ""
    # What lies nearest to the top was put there to be seen.
    first = min(pictures, key=lambda name: name.count("/"))
    return reading.address(f"{base}/{repository}/resolve/{commit}/{quote(first)}")
