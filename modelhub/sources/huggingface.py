"""Hugging Face: one file of a repository, or a whole pipeline, at a commit that cannot move."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from django.conf import settings

from accounts.problems import Invalid
from modelhub import naming
from modelhub.kinds import Kind
from modelhub.sources import hosts, names, repository, web
from modelhub.sources.contract import Body, File, GivenUp, Plan, Wanted, Wish
from modelhub.sources.errors import NotThere, SourceFailed, TokenNeeded, TooMuch
from modelhub.sources.repository import Entry

# Both parts begin and end with a letter or digit, as the hub itself wants it.
PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
REPO = re.compile(rf"{PART}/{PART}")
REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")
COMMIT = re.compile(r"[0-9a-f]{40}")
NEXT = re.compile(r'<([^<>]{1,4096})>\s{0,9};\s{0,9}rel="?next"?')
# A collection of LoRAs has thousands of files, of which one is asked for; a page has a thousand.
MOST_LISTED, MAX_PAGES = 50_000, 100
MAIN = "main"


class HuggingFace:
    """`{repo, revision, file}`; revision and file may be empty."""

    def read(self, reference: Mapping[str, Any]) -> Wish:
        repo = str(reference.get("repo") or "")
        revision = str(reference.get("revision") or "") or MAIN
        file = str(reference.get("file") or "")
        if not REPO.fullmatch(repo) or ".." in repo or "--" in repo:
            raise Invalid("A repository is called organisation/name.", param="repoId")
        if not REVISION.fullmatch(revision) or ".." in revision or "//" in revision:
            raise Invalid("A revision is a branch, a tag or a commit.", param="revision")
        takes = ""
        if file:
            takes = names.weights(_called(repo, names.inside(file)))
        return Wish(
            {"repo": repo, "revision": revision, "file": file},
            f"{repo}:{file}" if file else repo,
            takes or repo.rpartition("/")[2],
        )

    def plan(self, asked: Mapping[str, Any], given_up: GivenUp) -> Plan:
        repo, commit = asked["repo"], _commit(asked, given_up)
        entries = list(_tree(repo, commit, given_up))
        if asked["file"]:
            entry = _named(entries, asked["file"])
            return _of_one(repo, commit, entry, _called(repo, asked["file"]))
        present = {entry.path for entry in entries}
        if present & {repository.INDEX, repository.CONFIG}:
            return _of_folder(repo, commit, entries, given_up)
        only = repository.only_weights(entries, repo)
        ending = f"{repo.rpartition('/')[2]}{names.WEIGHTS}"
        return _of_one(repo, commit, only, ending)

    def opened(self, wanted: Wanted, given_up: GivenUp) -> AbstractContextManager[Body]:
        return web.opened(wanted, given_up)


def _called(repo: str, file: str) -> str:
    """What a file is called here: as its repository, where a tool gave it the name it gives to all."""
    name = PurePosixPath(file).name
    if not naming.is_generic(names.stem(name)):
        return name
    return f"{repo.rpartition('/')[2]}{names.WEIGHTS}"


def _of_one(repo: str, commit: str, entry: Entry, name: str) -> Plan:
    made = names.weights(name)
    file = _file("", repo, commit, entry)
    return Plan(made, (file,), facts={"commit": commit, "path": entry.path})


def _of_folder(repo: str, commit: str, entries: list[Entry], given_up: GivenUp) -> Plan:
    """A pipeline or one part of one; its classes are looked at before any weights are fetched."""
    whole = any(entry.path == repository.INDEX for entry in entries)
    told, _ = _asked(
        _resolve(repo, commit, repository.INDEX if whole else repository.CONFIG), repo, given_up
    )
    kind = Kind.CHECKPOINT
    if whole:
        chosen = repository.pipeline(told, entries)
    else:
        kind, chosen = repository.part(told, entries)
    if names.twins(chosen):
        raise SourceFailed(f"{repo} has two files that are one on other systems.")
    files = tuple(_file(names.inside(path), repo, commit, entry) for path, entry in chosen.items())
    return Plan(names.fit(repo.rpartition("/")[2]), files, kind, {"commit": commit})


def _file(path: str, repo: str, commit: str, entry: Entry) -> File:
    url = _resolve(repo, commit, names.inside(entry.path))
    return File(path, url, entry.size, entry.sha256, git_sha1=entry.git_sha1)


def _commit(asked: Mapping[str, Any], given_up: GivenUp) -> str:
    """What the revision means now; from here on nobody can put anything else in its place."""
    revision = asked["revision"]
    if COMMIT.fullmatch(revision):
        return str(revision)
    url = f"{_base()}/api/models/{asked['repo']}/revision/{quote(revision, safe='')}"
    told, _ = _asked(url, asked["repo"], given_up)
    commit = str(told.get("sha")) if isinstance(told, dict) else ""
    if not COMMIT.fullmatch(commit):
        raise SourceFailed(f"{web.host_of(url)} names no commit of {asked['repo']}.")
    return commit


def _tree(repo: str, commit: str, given_up: GivenUp) -> Iterator[Entry]:
    """Every file at the commit; the hub tells them a page at a time."""
    url = f"{_base()}/api/models/{repo}/tree/{commit}?recursive=true&expand=false"
    seen = 0
    for _ in range(MAX_PAGES):
        listed, headers = _asked(url, repo, given_up)
        seen += len(listed) if isinstance(listed, list) else 0
        if seen > MOST_LISTED:
            break
        yield from repository.entries(listed)
        link = next((v for k, v in headers.items() if k.lower() == "link"), "")
        following = NEXT.search(link)
        if not following:
            return
        url = following.group(1)
    raise TooMuch(f"{repo} has more than {MOST_LISTED} files, or lists them a few at a time.")


def _named(entries: list[Entry], path: str) -> Entry:
    for entry in entries:
        if entry.path == path:
            return entry
    raise NotThere(f"The repository has no file {path[:120]!r}.")


def _asked(url: str, repo: str, given_up: GivenUp) -> tuple[Any, Mapping[str, str]]:
    try:
        return web.answer(url, given_up)
    except TokenNeeded:
        raise TokenNeeded(_what_to_do(url, repo)) from None
    except NotThere:
        raise NotThere(f"{web.host_of(url)} has no {repo}, or not this revision of it.") from None


def _what_to_do(url: str, repo: str) -> str:
    if not hosts.credentials(url):
        return (
            f"{repo} is gated, private or not there: set ALICE_HUGGINGFACE_TOKEN to a token of an "
            "account that may read it."
        )
    return (
        f"The account of ALICE_HUGGINGFACE_TOKEN may not read {repo}: accept its terms on its page "
        "with that account, or use another token."
    )


def _resolve(repo: str, commit: str, path: str) -> str:
    return f"{_base()}/{repo}/resolve/{commit}/{quote(path)}"


def _base() -> str:
    return str(settings.ALICE_HUGGINGFACE_URL).rstrip("/")
