"""Back ends open by name, and say what to do when they cannot."""

import pytest

from generation.engine import registry
from generation.engine.backends.mock import MockBackend
from generation.engine.errors import NotSupported
from generation.engine.registry import BACKENDS, open_backend


def nothing_installed(package: str) -> None:
    """As importlib answers where a package is missing."""


def test_mock_opens() -> None:
    assert isinstance(open_backend("mock"), MockBackend)


def test_unknown_name_lists_the_choices() -> None:
    with pytest.raises(NotSupported, match=r"'magic'; choose from auto, diffusers, mock"):
        open_backend("magic")


@pytest.mark.parametrize("name", ["openvino", "remote"])
def test_unbuilt_back_ends_say_so(name: str) -> None:
    with pytest.raises(NotSupported, match="not built yet"):
        open_backend(name)


@pytest.mark.parametrize("name", ["auto", "diffusers"])
def test_missing_packages_are_named_with_their_cure(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "find_spec", nothing_installed)
    with pytest.raises(NotSupported, match=r"pip install -r requirements/diffusers\.txt"):
        open_backend(name)


def test_auto_takes_diffusers() -> None:
    assert open_backend("auto", "cpu").capabilities().backend == "diffusers"


@pytest.mark.parametrize("name", BACKENDS)
def test_every_row_opens_what_it_names(name: str) -> None:
    assert open_backend(name, "cpu").capabilities().backend == name
