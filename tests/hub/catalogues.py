"""The search APIs of CivitAI and Hugging Face on this machine, in their good and their bad hours.

What it answers is laid out as the real ones answer: markup in descriptions, cursors in metadata or in
a Link header, `page` refused beside `query`, sizes in KB, thumbs in place of ratings.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from PIL import Image as Pillow

EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
COMMIT = "c0ffee" + "0" * 34
BASES = ("SD 1.5", "SDXL 1.0", "Flux.1 D", "Pony", "SD 3.5")
NAMES = (
    "DreamShaper", "Realistic Vision", "Juggernaut", "Deliberate", "Lake Painter", "Moss Style",
    "Ink Wash", "Cinematic Light", "Easy Negative", "Detail Tweaker", "Old Film", "Paper Cut",
)  # fmt: skip
KINDS = ("Checkpoint", "LORA", "TextualInversion", "Checkpoint", "LoCon", "Wildcards")


@dataclass
class Asked:
    """One request: the path, its parameters, and the headers in lower case."""

    path: str
    params: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]

    def one(self, name: str) -> str:
        return next(iter(self.params.get(name, [""])))


@dataclass
class Catalogues:
    """`mood`: well, limited, refused, broken, html, garbage, shape, swollen, slow, gone or
    astray, which leads to `onward`.

    `items` is what CivitAI has, `repositories` what Hugging Face has; tests put their own there.
    """

    url: str = ""
    mood: str = "well"
    onward: str = ""
    asked: list[Asked] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    repositories: list[dict[str, Any]] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)

    def searches(self) -> list[Asked]:
        return [each for each in self.asked if each.path.startswith("/api/")]

    def civitai(self, asked: Asked) -> tuple[int, dict[str, str], Any]:
        if asked.one("query") and asked.one("page"):
            told = "Cannot use page param with query search. Use cursor-based pagination."
            return 400, {}, {"error": told}
        found = [each for each in self.items if _fits(each, asked)]
        if not asked.one("query"):
            found.sort(key=lambda each: -each["stats"]["downloadCount"])
        start, limit = int(asked.one("cursor") or 0), int(asked.one("limit") or 100)
        metadata: dict[str, Any] = {"pageSize": limit}
        if start + limit < len(found):
            params = {"cursor": start + limit, "limit": limit}
            metadata["nextCursor"] = str(start + limit)
            metadata["nextPage"] = f"{self.url}{asked.path}?{urlencode(params)}"
        return 200, {}, {"items": found[start : start + limit], "metadata": metadata}

    def huggingface(self, asked: Asked) -> tuple[int, dict[str, str], Any]:
        word = asked.one("search").lower()
        found = [each for each in self.repositories if word in each["id"].lower()]
        found.sort(key=lambda each: -each["downloads"])
        start, limit = int(asked.one("cursor") or 0), int(asked.one("limit") or 20)
        headers = {}
        if start + limit < len(found):
            params = urlencode({"search": word, "limit": limit, "cursor": start + limit})
            headers["Link"] = f'<{self.url}{asked.path}?{params}>; rel="next"'
        return 200, headers, found[start : start + limit]


def _fits(item: Mapping[str, Any], asked: Asked) -> bool:
    types = asked.params.get("types", [])
    if types and item["type"] not in types:
        return False
    if asked.one("nsfw") == "false" and item["nsfw"]:
        return False
    return asked.one("query").lower() in item["name"].lower()


def item(number: int, url: str, **changes: Any) -> dict[str, Any]:
    """A model as CivitAI lists it."""
    name = f"{NAMES[number % len(NAMES)]} {number}"
    kind = KINDS[number % len(KINDS)]
    suffix = ".pt" if kind == "TextualInversion" else ".safetensors"
    return {
        "id": 4000 + number,
        "name": name,
        "description": f"<p>A model for <strong>calm</strong> pictures.</p><ul><li>Steps: {number}"
        "</li><li>See <a href='https://example.com'>here</a></li></ul><script>alert(1)</script>",
        "type": kind,
        "nsfw": False,
        "nsfwLevel": 3,
        "tags": ["landscape", "painting", NAMES[number % len(NAMES)].lower()],
        "creator": {"username": f"maker{number % 5}", "image": "https://image.civitai.com/x.png"},
        "stats": {"downloadCount": 900_000 - 7919 * number, "thumbsUpCount": 90,
                  "thumbsDownCount": 10, "rating": 0},
        "modelVersions": [
            {
                "id": 100 * number + v,
                "name": f"v{v}",
                "baseModel": BASES[number % len(BASES)],
                "availability": "EarlyAccess" if v == 3 else "Public",
                "files": [
                    {
                        "id": 1000 * number + 10 * v,
                        "name": f"{name.replace(' ', '_').lower()}_v{v}{suffix}",
                        "sizeKB": 2082642.474609375 if kind == "Checkpoint" else 147534.5,
                        "type": "Model",
                        "metadata": {"format": "SafeTensor", "size": "pruned", "fp": "fp16"},
                        "hashes": {"SHA256": f"{number:064X}", "AutoV2": "879DB523C3"},
                        "downloadUrl": f"https://civitai.com/api/download/models/{number}",
                        "primary": True,
                    },
                    {"id": 1000 * number + 10 * v + 1, "name": "training.zip", "sizeKB": 300.0,
                     "type": "Training Data", "metadata": {"format": "Other"}, "hashes": {}},
                ],
                "images": [
                    {"url": f"{url}/pictures/{number}/adult.png", "nsfwLevel": 16, "type": "image"},
                    {"url": f"{url}/pictures/{number}/original=true/x.png", "nsfwLevel": 1,
                     "type": "image", "width": 512, "height": 640},
                ],
            }
            for v in (3, 2, 1)[number % 2 :]
        ],
    } | changes  # fmt: skip


def repository(number: int, **changes: Any) -> dict[str, Any]:
    """A repository as Hugging Face lists it with full=true."""
    name = NAMES[number % len(NAMES)].replace(" ", "-").lower()
    files = ["README.md", "assets/preview.png"]
    tags = ["diffusers", "safetensors", "text-to-image", "license:openrail++", "region:us"]
    if number % 3 == 0:
        files += [
            "model_index.json",
            "unet/diffusion_pytorch_model.safetensors",
            "unet/config.json",
        ]
        tags += ["diffusers:StableDiffusionPipeline"]
    elif number % 3 == 1:
        files += ["pytorch_lora_weights.safetensors"]
        tags += ["lora", "base_model:adapter:stabilityai/stable-diffusion-xl-base-1.0"]
    else:
        files += [f"{name}.ckpt", f"{name}.safetensors"]
    return {
        "_id": f"{number:024x}",
        "id": f"maker{number % 4}/{name}-{number}",
        "modelId": f"maker{number % 4}/{name}-{number}",
        "author": f"maker{number % 4}",
        "sha": COMMIT,
        "gated": "auto" if number % 5 == 4 else False,
        "private": False,
        "downloads": 500_000 - 1234 * number,
        "likes": 40 + number,
        "library_name": "diffusers",
        "pipeline_tag": "text-to-image",
        "tags": tags,
        "siblings": [{"rfilename": file} for file in files],
    } | changes


@cache
def png(hue: int = 30, width: int = 512, height: int = 640) -> bytes:
    """A soft gradient, so that pages of them can be told apart and looked at."""
    out = BytesIO()
    ramp = Pillow.linear_gradient("L").resize((width, height))
    plain = Pillow.new("L", (width, height), hue % 256)
    Pillow.merge("HSV", (plain, plain.point(lambda _: 120), ramp)).convert("RGB").save(out, "PNG")
    return out.getvalue()


def fill(catalogues: Catalogues) -> None:
    """Sixty models in one, thirty in the other; a few that are hostile or for adults."""
    catalogues.items = [item(n, catalogues.url) for n in range(60)]
    catalogues.items[3] |= {"name": EVIL, "description": f"<b>{EVIL}</b>", "tags": [EVIL]}
    catalogues.items[5] |= {"nsfw": True, "name": "Bare Skin 5"}
    catalogues.repositories = [repository(n) for n in range(30)]
    catalogues.repositories[2]["tags"].append("not-for-all-audiences")


class Handler(BaseHTTPRequestHandler):
    server: "Server"

    @property
    def catalogues(self) -> Catalogues:
        return self.server.catalogues

    def log_message(self, format: str, *args: Any) -> None:
        """Tests look at `asked`."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(parts.path, parse_qs(parts.query, keep_blank_values=True), headers)
        self.catalogues.asked.append(asked)
        if asked.path.startswith("/api/"):
            self._search(asked)
        else:
            self._picture(asked)

    def _search(self, asked: Asked) -> None:
        if self.catalogues.mood == "gone":
            self.close_connection = True
            return
        if self.catalogues.mood == "slow":
            time.sleep(3)
        if self.catalogues.mood == "astray":
            self._answer(302, {"Location": self.catalogues.onward + self.path}, b"", "text/plain")
            return
        if self.catalogues.mood in BAD:
            self._answer(*BAD[self.catalogues.mood])
            return
        ask = (
            self.catalogues.civitai
            if asked.path == "/api/v1/models"
            else self.catalogues.huggingface
        )
        status, headers, told = ask(asked)
        self._answer(status, headers, json.dumps(told).encode(), "application/json")

    def _picture(self, asked: Asked) -> None:
        known = self.catalogues.pictures.get(asked.path)
        if known is None and not asked.path.endswith(".png"):
            self._answer(404, {}, b"no", "text/plain")
            return
        numbers = [int(part) for part in asked.path.split("/") if part.isdigit()]
        data = known if known is not None else png(47 * sum(numbers) % 256)
        self._answer(200, {}, data, "image/png")

    def _answer(self, status: int, headers: dict[str, str], body: bytes, kind: str) -> None:
        with suppress(OSError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


BAD: Mapping[str, tuple[int, dict[str, str], bytes, str]] = {
    "limited": (429, {"Retry-After": "7"}, b'{"error":"Too many requests"}', "application/json"),
    "refused": (401, {}, b'{"error":"Invalid credentials"}', "application/json"),
    "broken": (503, {}, b"<html>Service Unavailable</html>", "text/html"),
    "html": (200, {}, b"<!DOCTYPE html><title>Just a moment...</title>", "text/html"),
    "garbage": (200, {}, b"[" * 100_000, "application/json"),
    # A megabyte that takes twenty in memory.
    "swollen": (200, {}, b'{"items":[' + b"{}," * 400_000 + b"{}]}", "application/json"),
    "shape": (200, {}, b'{"models": 3}', "application/json"),
}


class Server(ThreadingHTTPServer):
    def __init__(self, catalogues: Catalogues) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.catalogues = catalogues


@contextmanager
def serving() -> Iterator[Catalogues]:
    """Both catalogues on one free port of this machine, filled."""
    catalogues = Catalogues()
    server = Server(catalogues)
    catalogues.url = f"http://127.0.0.1:{server.server_address[1]}"
    fill(catalogues)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield catalogues
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
