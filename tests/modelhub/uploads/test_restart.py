"""An upload outlives the server: killed in the middle, it goes on where it was."""

import hashlib
import os
import signal

import httpx2

from tests.live import service
from tests.modelhub.programs import BYTES, UPLOADS, weights

KEY = """
from accounts import keys
from accounts.models import User
carol = User.objects.create(username="carol", is_staff=True)
print(keys.mint(carol, "sender", ["models"])[1])
"""


def test_an_upload_goes_on_after_the_server_was_killed() -> None:
    data = weights(size=2**20)
    half = len(data) // 2
    with service(worker=False) as live:
        headers = {"X-Api-Key": live.manage("shell", "-v0", "-c", KEY).splitlines()[-1]}
        with httpx2.Client(base_url=live.url, headers=headers, timeout=30) as client:
            body = {
                "filename": "lake.safetensors",
                "sizeBytes": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
            }
            at = f"{UPLOADS}/{client.post(UPLOADS, json=body).json()['id']}"
            as_bytes = {"Content-Type": BYTES}
            client.put(f"{at}?offset=0", content=data[:half], headers=as_bytes)
            os.killpg(live.processes["web"].pid, signal.SIGKILL)
            live.processes.pop("web").wait()
            live.start("web", "web")
            live.wait("/livez")
            assert client.get(at).json()["receivedBytes"] == half
            client.put(f"{at}?offset={half}", content=data[half:], headers=as_bytes)
            assert client.post(f"{at}/complete").status_code == 200
        assert (live.data_dir / "models" / "lake.safetensors").read_bytes() == data
