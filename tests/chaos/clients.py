"""Clients that ask for pictures while everything dies, and write down what they were promised."""

import base64
import hashlib
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

# A refusal that says "later"; anything else but success is a defect.
LATER = 503
PATIENCE_SECONDS = 180.0


@dataclass(frozen=True)
class Promise:
    """An acknowledged request: its job (or the key that names it), and the pictures shown."""

    n: int
    job: str = ""
    key: str = ""
    sha256: tuple[str, ...] = ()


class Client(threading.Thread):
    """Submits until told to stop; every acknowledgement goes to `log` before the next request."""

    def __init__(self, url: str, api_key: str, log: Path, seed: int, stop: threading.Event) -> None:
        super().__init__(name=f"client-{seed}", daemon=True)
        self.http = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {api_key}"}, timeout=90
        )
        self.log, self.stop, self.seed = log, stop, seed
        self.dice = random.Random(seed)
        self.requests = self.cut = self.refused = 0
        self.defects: list[str] = []

    def run(self) -> None:
        ways: tuple[Callable[[], None], ...] = (self._job, self._job_by_key, self._picture)
        while not self.stop.is_set():
            self.dice.choice(ways)()
            self.stop.wait(self.dice.uniform(0.1, 0.8))
        self.http.close()

    def _job(self) -> None:
        """Once, without a key: only an answer is a promise."""
        body = self._body()
        reply = self._post("/v1/jobs", body, "")
        if reply is not None and self._is(reply, 202):
            self._note(Promise(body["n"], job=reply.json()["id"]))

    def _job_by_key(self) -> None:
        self._until_answered("/v1/jobs", 202, lambda n, key, reply: Promise(n, reply["id"], key))

    def _picture(self) -> None:
        def shown(n: int, key: str, reply: dict[str, Any]) -> Promise:
            pictures = [base64.b64decode(item["b64_json"]) for item in reply["data"]]
            return Promise(n, "", key, tuple(hashlib.sha256(p).hexdigest() for p in pictures))

        self._until_answered("/v1/images/generations", 200, shown)

    def _until_answered(
        self, path: str, status: int, promise: Callable[[int, str, dict[str, Any]], Promise]
    ) -> None:
        """The same request under the same key until the server answers it, also past the end."""
        body, key = self._body(), f"chaos-{self.seed}-{self.requests}"
        give_up = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up:
            reply = self._post(path, body, key)
            if reply is not None and self._is(reply, status):
                self._note(promise(body["n"], key, reply.json()))
                return
            if self.defects:
                return
            time.sleep(0.3)
        self.defects.append(f"{path} was never answered")

    def _body(self) -> dict[str, Any]:
        self.requests += 1
        return {
            "prompt": f"chaos {self.seed}-{self.requests}",
            "n": self.dice.choice((1, 1, 2, 3)),
            "num_inference_steps": self.dice.randint(2, 12),
        }

    def _post(self, path: str, body: dict[str, Any], key: str) -> "httpx2.Response | None":
        try:
            return self.http.post(path, json=body, headers={"Idempotency-Key": key} if key else {})
        except httpx2.TransportError:
            self.cut += 1
            return None

    def _is(self, reply: "httpx2.Response", status: int) -> bool:
        if reply.status_code == LATER:
            self.refused += 1
        elif reply.status_code != status:
            self.defects.append(f"{reply.request.url}: {reply.status_code} {reply.text[:300]}")
        return reply.status_code == status

    def _note(self, promise: Promise) -> None:
        with self.log.open("a") as log:
            log.write(json.dumps(vars(promise)) + "\n")


def promises(log: Path) -> list[Promise]:
    lines = log.read_text().splitlines()
    return [Promise(**{**(d := json.loads(line)), "sha256": tuple(d["sha256"])}) for line in lines]
