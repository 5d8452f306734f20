"""CivitAI: a model, one of its versions, one of that version's files."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from django.conf import settings

from accounts.problems import Invalid
from modelhub.kinds import Kind
from modelhub.searching import reading
from modelhub.sources import hosts, names, web
from modelhub.sources.contract import Body, File, GivenUp, Plan, Wanted, Wish
from modelhub.sources.errors import NotAFile, NotThere, NotUsable, SourceFailed, TokenNeeded

# What it calls things; anything else holds no weights that anybody here could run.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "Checkpoint": Kind.CHECKPOINT,
        "LORA": Kind.LORA,
        "LoCon": Kind.LYCORIS,
        "DoRA": Kind.LORA,
        "TextualInversion": Kind.EMBEDDING,
        "Controlnet": Kind.CONTROLNET,
        "VAE": Kind.VAE,
        "Upscaler": Kind.UPSCALER,
    }
)
LARGEST_ID = 2**53
# What its links tell the files of a version apart by, beside their numbers.
MARKS = ("type", "format", "size", "fp")
LONGEST_MARK = 40
KB = 1024


class CivitAI:
    """`{modelId, versionId, fileId}`; the last two may be None: the newest, and its main file.

    `type`, `format`, `size` and `fp` narrow the files down, as in the links of its pages.
    """

    def read(self, reference: Mapping[str, Any]) -> Wish:
        asked = {name: _number(reference, name) for name in ("modelId", "versionId", "fileId")}
        if asked["modelId"] is None and asked["versionId"] is None:
            raise Invalid("CivitAI's models are known by a number.", param="modelId")
        shown = " ".join(f"{k.removesuffix('Id')} {v}" for k, v in asked.items() if v is not None)
        marks = {name: str(reference[name])[:LONGEST_MARK] for name in MARKS if reference.get(name)}
        return Wish(asked | marks, f"CivitAI {shown}")

    def plan(self, asked: Mapping[str, Any], given_up: GivenUp) -> Plan:
        version, type_of, called = _version(asked, given_up)
        kind = KINDS.get(type_of)
        if kind is None:
            raise NotUsable(f"A {type_of or 'nameless type'} holds no weights to run.")
        chosen = _chosen(version, asked)
        name = names.weights(str(chosen.get("name") or ""))
        sha256 = reading.sha256(reading.table(chosen.get("hashes")).get("SHA256"))
        file = File("", _address(version, chosen), sha256=sha256)
        facts = {
            # Not under the names of what was asked: the newest stays what was wanted.
            "model": reading.whole(version.get("modelId")) or asked.get("modelId"),
            "version": version["id"],
            "title": called,
            "baseModel": reading.line(version.get("baseModel"), 80),
            "trainedWords": reading.names(version.get("trainedWords"), 50, 200),
        }
        return Plan(name, (file,), kind, facts, roughly=_bytes(chosen))

    @contextmanager
    def opened(self, wanted: Wanted, given_up: GivenUp) -> Iterator[Body]:
        try:
            with web.opened(wanted, given_up) as body:
                yield body
        except (NotAFile, TokenNeeded):
            # It answers who must sign in first with the page to do so.
            raise TokenNeeded(_what_to_do(wanted.url)) from None


def _version(asked: Mapping[str, Any], given_up: GivenUp) -> tuple[dict[str, Any], str, str]:
    """The version's own record, the type of its model, and what people call it."""
    model: Mapping[str, Any]
    if asked.get("modelId") is None:
        version = _asked(f"{_base()}/api/v1/model-versions/{asked['versionId']}", given_up)
        model = reading.table(version.get("model"))
    else:
        model = _asked(f"{_base()}/api/v1/models/{asked['modelId']}", given_up)
        version = _of(model, asked.get("versionId"))
    if not reading.whole(version.get("id")):
        raise SourceFailed("CivitAI's answer names no version.")
    called = reading.line(f"{model.get('name') or ''} {version.get('name') or ''}", 200)
    return version, reading.line(model.get("type"), 40), called


def _of(model: Mapping[str, Any], wanted: int | None) -> dict[str, Any]:
    versions = [each for each in _listed(model, "modelVersions") if isinstance(each, dict)]
    for version in versions:
        # The first is the newest.
        if wanted is None or version.get("id") == wanted:
            return version
    raise NotThere("CivitAI has no such version of this model.")


def _chosen(version: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The file asked for; else the main one; else the first that is weights we read."""
    files = [each for each in _listed(version, "files") if isinstance(each, dict)]
    wanted = asked.get("fileId")
    if wanted is not None:
        files = [each for each in files if each.get("id") == wanted]
    if marks := {name: asked[name].lower() for name in MARKS if name in asked}:
        files = [each for each in files if all(_mark(each, m) == v for m, v in marks.items())]
    if not files and (marks or wanted is not None):
        raise NotThere("CivitAI has no such file of this version.")
    if wanted is not None:
        return files[0]
    safe = [f for f in files if str(f.get("name")).lower().endswith(names.WEIGHTS)]
    if not safe:
        raise NotUsable(
            f"This version has no {names.WEIGHTS} file; other formats can carry code."
            if files
            else "This version has no files."
        )
    return min(safe, key=lambda f: (not f.get("primary"), f.get("type") not in {"Model", None}))


def _address(version: Mapping[str, Any], file: Mapping[str, Any]) -> str:
    told = file.get("downloadUrl")
    if not told:
        return f"{_base()}/api/download/models/{version['id']}"
    if not reading.address(told):
        raise SourceFailed("CivitAI's answer names no address that a file could be had from.")
    return str(told)


def _mark(file: Mapping[str, Any], name: str) -> str:
    told = file.get("metadata")
    metadata: Mapping[str, Any] = told if isinstance(told, dict) else {}
    return str(file.get(name) if name == "type" else metadata.get(name)).lower()


def _bytes(file: Mapping[str, Any]) -> int | None:
    """It tells a size in kilobytes, rounded: enough to see whether there is room."""
    told = file.get("sizeKB")
    return round(told * KB) if isinstance(told, int | float) and 0 < told < LARGEST_ID else None


def _asked(url: str, given_up: GivenUp) -> dict[str, Any]:
    try:
        told, _ = web.answer(url, given_up)
    except TokenNeeded:
        raise TokenNeeded(_what_to_do(url)) from None
    except NotThere:
        raise NotThere("CivitAI has no such model.") from None
    if not isinstance(told, dict):
        raise SourceFailed("CivitAI's answer is not readable.")
    return told


def _what_to_do(url: str) -> str:
    if not hosts.credentials(url):
        return "CivitAI wants a login for this file: set ALICE_CIVITAI_TOKEN to an API key."
    return "CivitAI does not give this file to the account of ALICE_CIVITAI_TOKEN."


def _listed(of: Mapping[str, Any], name: str) -> list[Any]:
    found = of.get(name)
    return found if isinstance(found, list) else []


def _number(reference: Mapping[str, Any], name: str) -> int | None:
    value = reference.get(name)
    if value is None or value == "":
        return None
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if not 0 < number < LARGEST_ID or isinstance(value, bool):
        raise Invalid("CivitAI numbers its models, versions and files.", param=name)
    return number


def _base() -> str:
    return str(settings.ALICE_CIVITAI_URL).rstrip("/")
