"""Schedulers answer to every name clients use."""

from itertools import chain

import pytest

from generation.engine.samplers import SAMPLERS, canonical


@pytest.mark.parametrize("name", SAMPLERS)
def test_names_labels_and_aliases_lead_to_the_row(name: str) -> None:
    row = SAMPLERS[name]
    assert {canonical(said) for said in (name, row.label, *row.aliases)} == {name}


def test_case_and_space_do_not_matter() -> None:
    assert canonical("  EULER A ") == "euler_a"


def test_unknown_names_are_nobodys() -> None:
    assert canonical("magic") is None


def test_no_alias_is_claimed_twice() -> None:
    claimed = list(chain.from_iterable(row.aliases for row in SAMPLERS.values()))
    assert len(claimed) == len(set(claimed))
