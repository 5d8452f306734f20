"""Time of `make start` on a clean clone until the first picture, and of the second start.

    .venv/bin/python bench/start.py [--keep-environment]

Clones this repository's HEAD into a temporary folder. With --keep-environment the clone borrows
.venv, which shows the start alone; without it the libraries are installed too.
"""

import argparse
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def start(clone: Path, environment: dict[str, str]) -> tuple[float, str]:
    """Seconds until `make start BACKGROUND=1` returns, and what it printed."""
    began = time.perf_counter()
    done = subprocess.run(
        ["make", "start", "BACKGROUND=1"],
        cwd=clone,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    seconds = time.perf_counter() - began
    subprocess.run(["make", "stop"], cwd=clone, env=environment, check=True, capture_output=True)
    return seconds, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep-environment", action="store_true")
    keep = parser.parse_args().keep_environment
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ALICE_")}
    environment |= {"ALICE_PORT": str(port)}
    with tempfile.TemporaryDirectory(prefix="alice-start-") as folder:
        clone = Path(folder) / "alice"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        if keep:
            (clone / ".venv").symlink_to(ROOT / ".venv")
        for name in ("first start", "second start", "third start"):
            seconds, said = start(clone, environment)
            light = next((line.strip() for line in said.splitlines() if "took" in line), "")
            print(f"{name}: {seconds:.1f} s {light}")


if __name__ == "__main__":
    main()
