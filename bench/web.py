"""The web process: what it costs to start and to keep, and how it feels while 200 clients wait.

    .venv/bin/python bench/web.py [--clients 200]

The clients ask for pictures of the mock back end all at once and wait for them in the queue;
meanwhile /health is asked ten times a second. Everything is on this machine, clients included.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx2
from server import ROOT, Server, running

BODY = {"prompt": "a boat on a lake", "num_inference_steps": 20, "size": "256x256"}
IMPORT = """
import time; began = time.perf_counter()
import aliceproject.asgi
print(time.perf_counter() - began)
"""


def import_seconds(runs: int = 5) -> float:
    """Median time to import the whole web application in a fresh Python."""
    times = [
        subprocess.run(
            [sys.executable, "-c", IMPORT], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout
        for _ in range(runs)
    ]
    return statistics.median(map(float, times))


def web_of(supervisor: int) -> int:
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    [web] = [c for c in children if b"\0web\0" in Path(f"/proc/{c}/cmdline").read_bytes()]
    return int(web)


def status(pid: int) -> dict[str, int]:
    """Resident megabytes and threads."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    facts = dict(line.split(":", 1) for line in lines)
    return {"rss_mb": int(facts["VmRSS"].split()[0]) // 1024, "threads": int(facts["Threads"])}


async def wait_together(server: Server, clients: int, web: int) -> None:
    limits = httpx2.Limits(max_connections=clients + 10)
    async with httpx2.AsyncClient(
        base_url=server.url, headers=server.headers, timeout=280, limits=limits
    ) as http:
        began = time.perf_counter()
        asked = [
            asyncio.create_task(http.post("/v1/images/generations", json=BODY))
            for _ in range(clients)
        ]
        health = asyncio.create_task(sample_health(server.url))
        await asyncio.sleep(5)
        waiting = sum(not task.done() for task in asked)
        print(f"{waiting} of {clients} clients wait after 5 s; the web process: {status(web)}")
        replies = await asyncio.gather(*asked)
        seconds = time.perf_counter() - began
        health.cancel()
        statuses = {code: sum(r.status_code == code for r in replies) for code in (200,)}
        print(
            f"answers {statuses} of {clients} in {seconds:.1f} s ({clients / seconds:.1f} a second)"
        )


async def sample_health(url: str) -> None:
    times: list[float] = []
    try:
        async with httpx2.AsyncClient(base_url=url, timeout=60) as http:
            while True:
                began = time.perf_counter()
                (await http.get("/health")).raise_for_status()
                times.append((time.perf_counter() - began) * 1000)
                await asyncio.sleep(0.1)
    except asyncio.CancelledError:
        p95 = statistics.quantiles(times, n=20)[-1]
        print(
            f"/health meanwhile, {len(times)} requests: median {statistics.median(times):.1f} ms, "
            f"95 % within {p95:.1f} ms, longest {max(times):.1f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=200)
    clients = parser.parse_args().clients
    print(f"import of the web application: {import_seconds():.2f} s")
    with running(ALICE_BACKEND="mock", ALICE_MOCK_STEP_SECONDS="0.005") as server:
        web = web_of(server.pid)
        print(f"web process, idle: {status(web)}")
        asyncio.run(wait_together(server, clients, web))
        print(f"web process, afterwards: {status(web)}")


if __name__ == "__main__":
    main()
