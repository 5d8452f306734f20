"""The house rules for size, checked and not remembered."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APPS = ("aliceproject", "accounts", "gallery", "modelhub", "generation")
MODULE_LINES, FUNCTION_LINES = 400, 60
FORBIDDEN_NAMES = {"utils", "helpers", "core", "common", "services"}


def modules() -> list[Path]:
    files = (file for app in APPS for file in sorted((ROOT / app).rglob("*.py")))
    return [file for file in files if "migrations" not in file.parts]


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_module_is_small_and_so_are_its_functions(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= MODULE_LINES
    sizes = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions(file)}
    assert {name: size for name, size in sizes.items() if size > FUNCTION_LINES} == {}


def test_modules_are_named_for_their_subject() -> None:
    assert [file for file in modules() if file.stem in FORBIDDEN_NAMES] == []


def test_no_class_is_a_manager_or_a_service() -> None:
    named = [
        f"{file}:{node.name}"
        for file in modules()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef) and node.name.endswith(("Manager", "Service", "Base"))
    ]
    assert named == []


def test_nothing_unpickles() -> None:
    banned = {("torch", "load"), ("pickle", "load"), ("pickle", "loads")}
    calls = [
        f"{file}:{node.lineno}"
        for file in modules()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in banned
    ]
    assert calls == []
