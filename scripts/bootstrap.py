"""Makes .venv and installs a requirements file into it, only when something changed.

Runs on any Python 3.11 before anything is installed, so it uses the standard library alone.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# The libraries take about 1.6 GB, and as much again while they are unpacked.
LEAST_FREE_MB = 4000
INCLUDE = re.compile(r"^\s*-r\s+(\S+)")


def main(venv: Path, requirements: Path) -> None:
    """Returns when the environment holds what `requirements` names; exits with the reason else."""
    wanted = fingerprint(requirements)
    stamp = venv / f".installed-{requirements.stem}"
    if stamp.is_file() and stamp.read_text() == wanted and works(venv):
        return
    check_space(venv)
    if not works(venv):
        make(venv)
    print(f"Installing {requirements.name}; the first time takes minutes ...", flush=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    if subprocess.run([*pip, "--requirement", str(requirements)], check=False).returncode:
        sys.exit(
            "The installation failed; pip's reason is above. Most often the network or its proxy "
            "is not reachable, or the disk is full. Run the command again when that is mended."
        )
    stamp.write_text(wanted)


def fingerprint(requirements: Path) -> str:
    """Changes with this Python and with every line of the file and of those it includes."""
    digest = hashlib.sha256(sys.version.encode())
    for file in sorted(included(requirements)):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def included(requirements: Path) -> Iterator[Path]:
    """The file itself and all that its `-r` lines lead to."""
    yield requirements
    for line in requirements.read_text().splitlines():
        if match := INCLUDE.match(line):
            yield from included((requirements.parent / match[1]).resolve())


def works(venv: Path) -> bool:
    """Whether the environment has a Python of this version that runs."""
    python = venv / "bin" / "python"
    if not python.exists():
        return False
    show = "import sys, pip; print(sys.version)"
    answer = subprocess.run([str(python), "-c", show], capture_output=True, text=True, check=False)
    return answer.stdout.strip() == sys.version.strip()


def make(venv: Path) -> None:
    print(f"Making {venv.name} with Python {sys.version.split()[0]} ...", flush=True)
    command = [sys.executable, "-m", "venv", "--clear", str(venv)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        sys.exit(
            f"No virtual environment could be made:\n{answer.stdout}{answer.stderr}\n"
            "On Debian and Ubuntu, `apt install python3-venv` brings what is missing."
        )


def check_space(venv: Path) -> None:
    for place in (venv.parent, Path(tempfile.gettempdir())):
        free_mb = shutil.disk_usage(place).free // 2**20
        if free_mb < LEAST_FREE_MB:
            sys.exit(
                f"The disk is full: {free_mb} MB are free at {place}, the installation needs "
                f"{LEAST_FREE_MB} MB. Make room, or set TMPDIR to a folder on another disk."
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
