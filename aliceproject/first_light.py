"""The first picture, asked for as any client would: over HTTP, with a key, through the queue."""

import http.client
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

PROMPT = "a serene mountain landscape at sunset"
PATH = "/v1/images/generations"
# A worker loads its libraries and the model before its first picture.
PATIENCE_SECONDS = 300.0


class NoLight(Exception):
    """The picture did not come; the message says what answered instead."""


@dataclass(frozen=True, slots=True)
class Light:
    """The answer to the first request and how many seconds it took."""

    answer: dict[str, Any]
    seconds: float


def local_url(host: str, port: int) -> str:
    """Where a program on this machine reaches a server bound to `host`."""
    bare = host.strip("[]")
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bare, bare)  # noqa: S104 - bound elsewhere
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def wait_for_web(base_url: str, patience: float) -> bool:
    """Whether the web process answers anything at all within `patience` seconds."""
    give_up = time.monotonic() + patience
    while time.monotonic() < give_up:
        try:
            _open(urllib.request.Request(f"{base_url}/livez"), timeout=5)  # noqa: S310 - http only
        except urllib.error.HTTPError:
            return True
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        else:
            return True
    return False


def draw(base_url: str, key: str) -> Light:
    """Ask for one picture; NoLight when anything but a picture comes back."""
    request = urllib.request.Request(  # noqa: S310 - http only
        base_url + PATH,
        data=json.dumps({"prompt": PROMPT, "response_format": "url"}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    began = time.monotonic()
    try:
        answer = json.loads(_open(request, timeout=PATIENCE_SECONDS))
    except urllib.error.HTTPError as problem:
        raise NoLight(_reason(problem)) from None
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise NoLight(f"{type(problem).__name__}: {problem}") from None
    return Light(answer, time.monotonic() - began)


def _open(request: urllib.request.Request, timeout: float) -> bytes:
    # Past any proxy of the environment: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=timeout) as reply:
        return bytes(reply.read())


def _reason(problem: urllib.error.HTTPError) -> str:
    text = problem.read().decode(errors="replace")
    try:
        text = json.loads(text)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        text = text[:200]
    return f"HTTP {problem.code}: {text}"
