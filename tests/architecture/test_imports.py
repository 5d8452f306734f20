"""The seams hold: statically (import-linter) and at run time (sys.modules of a real web process)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INFERENCE = ("torch", "diffusers", "transformers", "openvino", "optimum")
WEB = "import django; django.setup(); import aliceproject.asgi, aliceproject.urls"
SEAM = ("contract", "errors", "samplers", "options", "capabilities")


def run(code: str, *, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "aliceproject.settings"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )


@pytest.fixture
def trapped(tmp_path: Path) -> Path:
    """A path on which every inference library is a trap that ends the importing process."""
    for library in INFERENCE:
        (tmp_path / f"{library}.py").write_text(f"raise SystemExit('imported {library}')")
    return tmp_path


def test_a_web_process_imports_no_inference_library(trapped: Path) -> None:
    done = run(WEB, path=trapped)
    assert done.returncode == 0, done.stderr


def test_the_trap_catches_what_it_should(trapped: Path) -> None:
    done = run(WEB + "; import torch", path=trapped)
    assert "imported torch" in done.stderr


def test_a_web_process_loads_every_url_without_an_inference_library() -> None:
    listed = f"import sys; print([m for m in sys.modules if m.split('.')[0] in {INFERENCE}])"
    assert run(f"{WEB}; {listed}").stdout.strip() == "[]"


@pytest.mark.parametrize("module", SEAM)
def test_the_seam_needs_the_standard_library_alone(module: str) -> None:
    foreign = (
        f"import sys, generation.engine.{module}; "
        "print([m for m in sys.modules if '.' not in m and m not in sys.stdlib_module_names "
        "and m not in ('generation', 'modelhub', '__main__') and not m.startswith('_')])"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", foreign], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_import_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
