"""Programs of staff's that search, and that send models; and files to send."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from django.test import Client
from safetensors.numpy import save

from modelhub import home

UPLOADS = "/v1/models/uploads"
PART = 700
BYTES = "application/octet-stream"


def weights(*names: str, size: int = 1000) -> bytes:
    """A safetensors file of some KB; its tensors have these names."""
    return save({name: np.arange(size, dtype=np.float16) for name in names or ("model.weight",)})


LORA = weights("lora_unet_down_blocks_0.lora_down.weight", "lora_unet_down_blocks_0.lora_up.weight")


class Staff(Client):
    """A program with a key of staff's."""

    def search(self, source: str = "civitai", status: int = 200, **body: Any) -> dict[str, Any]:
        path = f"/v1/models/search/{source}"
        reply = self.post(path, body, "application/json")
        assert reply.status_code == status, reply.content
        told: dict[str, Any] = reply.json()
        return told

    def names(self, source: str = "civitai", **body: Any) -> list[str]:
        return [each["name"] for each in self.search(source, **body)["data"]]


class Sender(Client):
    """A program of staff's that sends files."""

    def start(self, data: bytes, name: str = "lake.safetensors", **more: Any) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        body = {"filename": name, "sizeBytes": len(data), "sha256": digest} | more
        reply = self.post(UPLOADS, body, "application/json")
        assert reply.status_code == 201, reply.content
        told: dict[str, Any] = reply.json()
        return told

    def part(self, pk: str, offset: int, data: bytes) -> Any:
        path = f"{UPLOADS}/{pk}?offset={offset}"
        # Said twice, because Django's client says it of no empty body.
        return self.generic("PUT", path, data, BYTES, CONTENT_TYPE=BYTES)

    def complete(self, pk: str) -> Any:
        return self.post(f"{UPLOADS}/{pk}/complete")

    def send(self, data: bytes, name: str = "lake.safetensors", **more: Any) -> Any:
        """All of it, in parts; the answer to its completion."""
        pk = self.start(data, name, **more)["id"]
        for offset in range(0, len(data), PART):
            assert self.part(pk, offset, data[offset : offset + PART]).status_code == 200
        return self.complete(pk)


def files(folder: Path) -> Mapping[str, bytes]:
    """Everything in the models folder but locks and its mark."""
    ours = {".lock", home.FILE}
    found = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name not in ours]
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}
