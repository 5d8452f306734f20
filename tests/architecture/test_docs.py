"""What the documentation promises is what the code has."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from django.conf import settings
from packaging.version import Version

from aliceproject.settings.environment import env

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCED = re.compile(r"^```.*?^```\n", re.MULTILINE | re.DOTALL)
# What follows `](` on a page, but for other sites.
LINK = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")
# Below these versions there are known holes.
FLOORS = {"diffusers": "0.38", "Django": "5.2.14", "daphne": "4.2.2", "torch": "2.6"}


@pytest.mark.parametrize("name", sorted(env.declared))
def test_every_setting_is_documented_as_it_is_declared(name: str) -> None:
    row = re.search(rf"^\| `{name}` \| (.*) \|$", CONFIGURATION, re.MULTILINE)
    assert row is not None
    default, allowed, _, aliases = row.group(1).split(" | ")
    said = env.declared[name]
    # Folders lie in one another, and here elsewhere than out of the box.
    shown = said.default.replace(f"{settings.ALICE_DATA_DIR}/", "ALICE_DATA_DIR/")
    assert default == (f"`{shown.replace(f'{ROOT}/', './')}`" if shown else "")
    # What a text must be is told in words there, and by a check here.
    assert said.allowed in {allowed, "text"}
    assert aliases == ", ".join(f"`{alias}`" for alias in said.aliases)


def test_no_documented_setting_is_unknown() -> None:
    documented = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", CONFIGURATION, re.MULTILINE))
    assert documented - set(env.declared) == set()


def test_the_example_file_names_only_settings_that_exist() -> None:
    named = re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(named) - set(env.declared) == set()
    assert named


@pytest.mark.parametrize("package", FLOORS)
def test_no_dependency_is_older_than_its_last_known_hole(package: str) -> None:
    assert Version(version(package)) >= Version(FLOORS[package])


def test_every_ignored_lint_rule_is_justified() -> None:
    ignored = re.search(r"^ignore = \[(.*)\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert ignored is not None
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    assert [rule for rule in re.findall(r'"(\w+)"', ignored.group(1)) if rule not in guide] == []


def test_exact_pins_only() -> None:
    lines = [
        line
        for file in (ROOT / "requirements").glob("*.txt")
        for line in file.read_text().splitlines()
        if line and not line.startswith(("#", "-r"))
    ]
    assert [line for line in lines if "==" not in line] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_one_page_whose_links_lead_somewhere(page: Path) -> None:
    prose = FENCED.sub("", page.read_text())
    assert "```" not in prose
    assert len(re.findall(r"^# ", prose, re.MULTILINE)) == 1
    assert re.findall(r"[^\n]\n#+ .*", prose) == []
    for file, heading in LINK.findall(prose):
        target = page.parent / file if file else page
        assert target.exists(), file
        assert not heading or heading in anchors(target), f"{file}#{heading}"


def anchors(page: Path) -> set[str]:
    """What its headings are called in addresses."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
