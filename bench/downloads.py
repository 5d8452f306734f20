"""What a bad line costs a download: python -m bench.downloads [megabytes].

A hub on this machine breaks off at every so many percent, knows no ranges, or changes the file; each
time the right file must lie there in the end. `x size` is what the storage host sent, over the size of
the file.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

MEGABYTES = int(sys.argv[1]) if len(sys.argv) > 1 else 100
PATIENCE = 600.0


def faults(drops: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"drop": drops, **more}


CAMPAIGNS: dict[str, dict[str, Any]] = {
    "a good line": faults(),
    "drops at every 20 %": faults(0.2),
    "drops at every 5 %": faults(0.05),
    "drops at every 1 %": faults(0.01),
    "no ranges, one break": faults(deaf=True, statuses=deque([(503, {})])),
    "another file once": faults(0.5, etags=deque(['"one"', '"two"', '"two"', '"two"'])),
}


def serve(name: str, data: bytes, wrong: dict[str, Any], line: Any) -> None:
    """A hub in a process of its own: in ours it would share our turns at the interpreter."""
    from tests.hub import server

    hub = server.Hub()
    hub.repo(f"maker/{name}", {f"{name}.safetensors": data})
    for fault, value in wrong.items():
        setattr(hub.faults, fault, value)
    line.send((hub.url, server.STORAGE_HOST))
    line.recv()
    line.send((hub.sent, len(hub.at_storage())))


def fetched(name: str) -> tuple[str, float]:
    """How it ended, and the seconds it took."""
    from django.db.models import F

    from modelhub import downloads
    from modelhub.downloads import Asked, lanes
    from modelhub.models import Download

    began = time.monotonic()
    row = downloads.start(Asked("huggingface", {"repo": f"maker/{name}"}))
    while row.status in Download.OPEN and time.monotonic() - began < PATIENCE:
        lanes.run(PATIENCE, bool)
        row.refresh_from_db()
        # The pauses are the other side's, not what is measured.
        Download.objects.update(next_try_at=F("created_at"))
    return row.status, time.monotonic() - began


def campaign(number: int, name: str, wrong: dict[str, Any]) -> None:
    from django.conf import settings

    from tests.hub.server import sha256
    from tests.hub.weights import safetensors

    data = safetensors(MEGABYTES * 10**6, seed=number)
    ours, theirs = multiprocessing.Pipe()
    hub = multiprocessing.Process(target=serve, args=(f"m{number}", data, wrong, theirs))
    hub.start()
    settings.ALICE_HUGGINGFACE_URL, storage = ours.recv()
    settings.ALICE_HUB_HOSTS = [storage]
    status, seconds = fetched(f"m{number}")
    ours.send("how much")
    sent, connections = ours.recv()
    hub.join()
    got = next(Path(settings.ALICE_MODELS_DIR).rglob(f"m{number}.safetensors"), None)
    right = got is not None and sha256(got.read_bytes()) == sha256(data)
    print(
        f"{name:<22} {status}, {'right' if right else 'WRONG'}, {connections:3d} connections, "
        f"{sent / len(data):.4f} x size, {len(data) / 1e6 / seconds:.0f} MB/s"
    )


def main() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(f"{MEGABYTES} MB a file")
    for number, (name, wrong) in enumerate(CAMPAIGNS.items()):
        campaign(number, name, wrong)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="alice-bench-") as folder:
        os.environ |= {
            "ALICE_DATA_DIR": folder,
            "ALICE_LOG_LEVEL": "error",
            "DJANGO_SETTINGS_MODULE": "aliceproject.settings",
        }
        import django

        django.setup()
        main()
