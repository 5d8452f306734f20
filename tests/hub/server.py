"""A model hub on this machine that speaks the protocols of Hugging Face and CivitAI, faults included.

Two servers, as there: one answers questions and redirects, another host keeps the files. That one
refuses whoever shows it a token, as object storage does.
"""

import hashlib
import json
import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

HUB_HOST, STORAGE_HOST = "127.0.0.1", "127.0.0.2"
PIECE = 65536
# As large files are kept apart from a repository's own.
LARGE = (".safetensors", ".bin", ".ckpt", ".onnx", ".msgpack")
REPO = r"(?P<repo>[^/]+/[^/]+)"
RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@cache
def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@cache
def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Repo:
    """`files` by path; a revision is `main` or the commit."""

    files: dict[str, bytes]
    gated: bool = False

    @cached_property
    def commit(self) -> str:
        told = sorted((path, git_sha1(data)) for path, data in self.files.items())
        return hashlib.sha1(repr(told).encode()).hexdigest()

    @cached_property
    def listed(self) -> list[dict[str, Any]]:
        """As a page of the tree tells it, folders last."""
        files = [_entry(path, data) for path, data in sorted(self.files.items())]
        folders = {path.rpartition("/")[0] for path in self.files} - {""}
        return [
            *files,
            *(
                {"type": "directory", "path": p, "size": 0, "oid": "0" * 40}
                for p in sorted(folders)
            ),
        ]


@dataclass
class Faults:
    """What goes wrong at the storage host; each holds until it is taken back.

    `drop`: answers break off after this share of the file, the first `drops` of them or all (-1).
    `pause`: seconds between pieces.
    `statuses`: what is answered instead, one each. `etags`: another one for each answer. `body`:
    what is sent instead. `length`: what is announced instead. `deaf`: Range is not understood;
    `page`: HTML comes. `onward`: where it sends on to.

    At the hub itself: `swapped`: what a small file's content is instead, by its path. `says`: what a
    question (`tree`, `model`) is answered with, and `link` the header that comes along.
    """

    drop: float = 0.0
    drops: int = -1
    pause: float = 0.0
    statuses: deque[tuple[int, dict[str, str]]] = field(default_factory=deque)
    etags: deque[str] = field(default_factory=deque)
    body: bytes | None = None
    length: int | None = None
    deaf: bool = False
    page: bool = False
    onward: str = ""
    swapped: dict[str, bytes] = field(default_factory=dict)
    says: dict[str, bytes] = field(default_factory=dict)
    link: str = ""


@dataclass(frozen=True)
class Heard:
    """A request, as it came."""

    host: str
    method: str
    path: str
    headers: Mapping[str, str]


class Hub:
    """`url` and `storage` are the two servers; `sent` is what the storage host sent, in bytes."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.models: dict[int, dict[str, Any]] = {}
        self.blobs: dict[str, bytes] = {}
        self.tokens: set[str] = set()
        # CivitAI's version -> blob; those in `locked` want a token.
        self.downloads: dict[int, str] = {}
        self.locked: set[int] = set()
        # Whether it answers strangers with the page to sign in on instead of a 401.
        self.shows_login = False
        self.page_size = 1000
        self.hub_statuses: deque[tuple[int, dict[str, str]]] = deque()
        self.faults = Faults()
        self.heard: list[Heard] = []
        self.sent = 0
        self._lock = threading.Lock()
        self._servers = [_serving(host, handler, self) for host, handler in _HOSTS]
        ports = [server.server_address[1] for server in self._servers]
        self.url = f"http://{HUB_HOST}:{ports[0]}"
        self.storage = f"http://{STORAGE_HOST}:{ports[1]}"

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def keep(self, data: bytes) -> str:
        self.blobs[sha256(data)] = data
        return sha256(data)

    def repo(self, name: str, files: Mapping[str, bytes], *, gated: bool = False) -> Repo:
        self.repos[name] = Repo(dict(files), gated)
        for data in files.values():
            self.keep(data)
        return self.repos[name]

    def civitai(
        self, number: int, name: str, data: bytes, type: str = "LORA", **file: Any
    ) -> dict[str, Any]:
        """A model with one version (number * 10) of one file (number * 100)."""
        version = number * 10
        self.downloads[version] = self.keep(data)
        told = {
            "id": number * 100,
            "name": name,
            "type": "Model",
            "sizeKB": len(data) / 1024,
            "primary": True,
            "metadata": {"format": "SafeTensor", "size": "pruned", "fp": "fp16"},
            "hashes": {"AutoV2": sha256(data)[:10].upper(), "SHA256": sha256(data).upper()},
            "downloadUrl": f"{self.url}/api/download/models/{version}",
        } | file
        made = {
            "id": version,
            "modelId": number,
            "name": "v1.0",
            "baseModel": "SD 1.5",
            "trainedWords": ["lakestyle"],
            "files": [told],
        }
        self.models[number] = {
            "id": number, "name": "Lake style", "type": type, "nsfw": False,
            "creator": {"username": "painter"}, "modelVersions": [made],
        }  # fmt: skip
        return self.models[number]

    def hear(self, heard: Heard) -> None:
        with self._lock:
            self.heard.append(heard)

    def count(self, size: int) -> None:
        with self._lock:
            self.sent += size

    def at_storage(self) -> list[Heard]:
        return [heard for heard in self.heard if heard.host == STORAGE_HOST]

    def knows(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization", "").removeprefix("Bearer ") in self.tokens


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub
    host = ""

    def do_GET(self) -> None:
        self._heard()
        try:
            self.answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815 - the standard library's name

    def answer(self) -> None:
        raise NotImplementedError

    def log_message(self, format: str, *args: Any) -> None:
        """Tests look at what was heard."""

    def _heard(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.told = headers
        self.hub.hear(Heard(self.host, self.command, self.path, headers))

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def json(self, told: Any, status: int = 200, **headers: str) -> None:
        self.say(status, json.dumps(told).encode(), Content_Type="application/json", **headers)


class HubHandler(Handler):
    """Questions, redirects to the files, and those who ask too much or may not."""

    host = HUB_HOST

    def answer(self) -> None:
        if self.hub.hub_statuses:
            status, headers = self.hub.hub_statuses.popleft()
            self.json({"error": "no"}, status, **headers)
            return
        path = urlsplit(self.path).path
        for pattern, method in ROUTES:
            if found := re.fullmatch(pattern, path):
                named = {name: unquote(part) for name, part in found.groupdict().items()}
                said = self.hub.faults.says.get(method)
                getattr(self, method)(**named) if said is None else self.stubborn(said)
                return
        self.json({"error": "not found"}, 404)

    def stubborn(self, told: bytes) -> None:
        more = {"Link": self.hub.faults.link} if self.hub.faults.link else {}
        self.say(200, told, Content_Type="application/json", **more)

    # Hugging Face

    def info(self, repo: str, revision: str = "main") -> None:
        if kept := self._repo(repo, revision):
            self.json(
                {
                    "_id": "1", "id": repo, "modelId": repo, "sha": kept.commit, "private": False,
                    "gated": "manual" if kept.gated else False, "disabled": False, "tags": [],
                    "downloads": 1, "likes": 0, "siblings": [{"rfilename": p} for p in kept.files],
                }
            )  # fmt: skip

    def tree(self, repo: str, revision: str) -> None:
        kept = self._repo(repo, revision)
        if kept is None:
            return None
        query = parse_qs(urlsplit(self.path).query)
        start = int(query.get("cursor", ["0"])[0])
        listed = [_entry(path, data) for path, data in sorted(kept.files.items())]
        folders = {path.rpartition("/")[0] for path in kept.files} - {""}
        listed += [
            {"type": "directory", "path": path, "size": 0, "oid": "0" * 40} for path in folders
        ]
        page = listed[start : start + self.hub.page_size]
        following = start + self.hub.page_size
        more: dict[str, Any] = {}
        if following < len(listed):
            base = f"{self.hub.url}{urlsplit(self.path).path}"
            more["Link"] = f'<{base}?recursive=true&cursor={following}>; rel="next"'
        return self.json(page, **more)

    def resolve(self, repo: str, revision: str, path: str) -> None:
        kept = self._repo(repo, revision)
        if kept is None:
            return None
        if path not in kept.files:
            return self._refuse(404, "EntryNotFound", "Entry not found", X_Repo_Commit=kept.commit)
        data = kept.files[path]
        more = {"X_Repo_Commit": kept.commit, "Accept_Ranges": "bytes"}
        if not path.endswith(LARGE):
            sent = self.hub.faults.swapped.get(path, data)
            return self.say(200, sent, ETag=f'"{git_sha1(data)}"', **more)
        signed = f"{self.hub.storage}/repos/{sha256(data)}?X-Amz-Signature=once-{time.time_ns()}"
        more |= {"X_Linked_Etag": f'"{sha256(data)}"', "X_Linked_Size": str(len(data))}
        return self.say(302, b"Found", Location=signed, ETag=f'"{sha256(data)}"', **more)

    def _repo(self, name: str, revision: str) -> Repo | None:
        kept = self.hub.repos.get(name)
        if kept is None or (kept.gated and not self.hub.knows(self.told)):
            self._locked(kept)
            return None
        if revision not in {"main", kept.commit}:
            self._refuse(404, "RevisionNotFound", "Invalid rev id")
            return None
        return kept

    def _locked(self, kept: Repo | None) -> None:
        if kept is not None:
            words = "Access to this repository is restricted and you are not in its list."
            known = "authorization" in self.told
            return self._refuse(403 if known else 401, "GatedRepo", words)
        # It does not tell strangers which names exist.
        status = 404 if self.hub.knows(self.told) else 401
        return self._refuse(status, "RepoNotFound", "Repository not found")

    def _refuse(self, status: int, code: str, message: str, **more: str) -> None:
        self.json({"error": message}, status, X_Error_Code=code, X_Error_Message=message, **more)

    # CivitAI

    def model(self, number: str) -> None:
        found = self.hub.models.get(int(number))
        self.json(found) if found else self.json({"error": "Model not found"}, 404)

    def version(self, number: str) -> None:
        for model in self.hub.models.values():
            for version in model["modelVersions"]:
                if version["id"] == int(number):
                    shown = {"name": model["name"], "type": model["type"]}
                    return self.json(version | {"model": shown})
        return self.json({"error": "Version not found"}, 404)

    def download(self, number: str) -> None:
        blob = self.hub.downloads.get(int(number))
        if blob is None:
            return self.json({"error": "File not found"}, 404)
        if int(number) in self.hub.locked and not self.hub.knows(self.told):
            if self.hub.shows_login:
                return self.say(307, Location=f"{self.hub.url}/login?returnUrl=x")
            return self.json({"error": "Unauthorized", "message": "Log in first"}, 401)
        name = quote('attachment; filename="lake.safetensors"')
        signed = f"{self.hub.storage}/models/{blob}?response-content-disposition={name}"
        return self.say(307, Location=f"{signed}&X-Amz-Signature=once")

    def login(self) -> None:
        self.say(200, b"<!DOCTYPE html><title>Sign in</title>" + b" " * 200,
                 Content_Type="text/html; charset=utf-8")  # fmt: skip


ROUTES = (
    (rf"/api/models/{REPO}/revision/(?P<revision>.+)", "info"),
    (rf"/api/models/{REPO}/tree/(?P<revision>[^/]+)", "tree"),
    (rf"/api/models/{REPO}", "info"),
    (rf"/{REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
    (r"/api/v1/models/(?P<number>\d+)", "model"),
    (r"/api/v1/model-versions/(?P<number>\d+)", "version"),
    (r"/api/download/models/(?P<number>\d+)", "download"),
    (r"/login", "login"),
)


class StorageHandler(Handler):
    """Files by their hash, with ranges; whoever brings a token as well is refused."""

    host = STORAGE_HOST

    def answer(self) -> None:
        faults = self.hub.faults
        if "authorization" in self.told:
            return self.say(400, b"<Error><Code>InvalidArgument</Code></Error>")
        if faults.onward:
            return self.say(302, Location=faults.onward)
        if faults.statuses:
            status, headers = faults.statuses.popleft()
            return self.say(status, b"<Error/>", Content_Type="application/xml", **headers)
        if faults.page:
            return self.say(200, b"<html>" + b"sorry" * 100, Content_Type="text/html")
        data = self.hub.blobs.get(urlsplit(self.path).path.rpartition("/")[2])
        if data is None:
            return self.say(404, b"<Error/>", Content_Type="application/xml")
        return self._send(data if faults.body is None else faults.body)

    def _send(self, data: bytes) -> None:
        faults, etag = self.hub.faults, f'"{sha256(data)}"'
        if faults.etags:
            etag = faults.etags.popleft()
        start = 0 if faults.deaf else self._start(etag)
        if start >= len(data) > 0:
            self.say(416, Content_Range=f"bytes */{len(data)}")
            return
        length = len(data) - start if faults.length is None else faults.length
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "binary/octet-stream")
        self.send_header("ETag", etag)
        self.send_header("Accept-Ranges", "bytes")
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        query = parse_qs(urlsplit(self.path).query)
        if named := query.get("response-content-disposition"):
            self.send_header("Content-Disposition", unquote(named[0]))
        self.send_header("Content-Length", str(length))
        self.end_headers()
        end = len(data)
        if faults.drop and faults.drops:
            faults.drops -= 1
            end = min(end, start + int(len(data) * faults.drop))
        if self.command == "GET":
            self._pieces(data, start, end)
        if end < len(data) or faults.length is not None:
            self.close_connection = True

    def _start(self, etag: str) -> int:
        asked = RANGE.fullmatch(self.told.get("range", ""))
        if asked is None or self.told.get("if-range", etag) != etag:
            return 0
        return int(asked.group(1))

    def _pieces(self, data: bytes, start: int, end: int) -> None:
        for at in range(start, end, PIECE):
            piece = data[at : min(at + PIECE, end)]
            self.wfile.write(piece)
            self.hub.count(len(piece))
            if self.hub.faults.pause:
                time.sleep(self.hub.faults.pause)


_HOSTS: tuple[tuple[str, type[Handler]], ...] = (
    (HUB_HOST, HubHandler),
    (STORAGE_HOST, StorageHandler),
)


def _entry(path: str, data: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": git_sha1(data)}
    if path.endswith(LARGE):
        told["lfs"] = {"oid": sha256(data), "size": len(data), "pointerSize": 134}
    return told


def _serving(host: str, handler: type[Handler], hub: Hub) -> ThreadingHTTPServer:
    bound = type(handler.__name__, (handler,), {"hub": hub})
    server = ThreadingHTTPServer((host, 0), bound)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


@contextmanager
def running() -> Iterator[Hub]:
    hub = Hub()
    try:
        yield hub
    finally:
        hub.close()
