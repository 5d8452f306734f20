"""One measurement on each database engine, each in a process and a database of its own.

The command line of such a bench: [pictures] [sqlite|postgresql], 100,000 pictures and both engines
unsaid. PostgreSQL is started for it, in a folder of its own.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.services import fixtures

ROWS = 100_000


def main(module: str, measure: Callable[[int], None]) -> None:
    """`measure` so many pictures; `module` starts the process that does, by coming here again."""
    if rows := os.environ.get("ALICE_BENCH_ROWS"):
        return measure(int(rows))
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    engines = sys.argv[2:] or ["sqlite", "postgresql"]
    if "sqlite" in engines:
        _run(module, wanted)
    if "postgresql" in engines:
        with fixtures.running_postgresql(Path(tempfile.gettempdir())) as server:
            _run(module, wanted, server.url())
    return None


def _run(module: str, rows: int, url: str = "") -> None:
    """Settings are read once in a process, and name its database."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "DJANGO_SETTINGS_MODULE": "aliceproject.settings",
            "ALICE_ALLOWED_HOSTS": "testserver",
            "ALICE_DATA_DIR": folder,
            "ALICE_LOG_LEVEL": "ERROR",
            "DATABASE_URL": url,
            "ALICE_BENCH_ROWS": str(rows),
        }
        subprocess.run([sys.executable, "-m", module], env=os.environ | settings, check=True)
