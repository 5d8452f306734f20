"""The upgrade of a gallery that is in use."""

import importlib
from collections.abc import Iterator, Sequence

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from gallery.models import Image

OLD = {
    "image_of_owner",
    "image_newest",
    "image_public",
    "image_by_model",
    "image_by_owner_model",
    "image_by_size",
    "image_by_owner_size",
    "image_favourites",
}
WALKS = {
    "walk_all",
    "walk_model",
    "walk_size",
    "walk_owner",
    "walk_owner_model",
    "walk_owner_size",
    "walk_favourites",
    "walk_shared",
    "walk_shared_model",
    "walk_shared_size",
}
BEFORE = ("gallery", "0009_tag_owner_indexes")
STEPS = importlib.import_module(
    "gallery.migrations.0010_walks_that_read_no_rows"
).Migration.operations
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def as_before() -> Iterator[ProjectState]:
    """The database without the last walks, and what Django knows of it."""
    states = [MigrationExecutor(connection).loader.project_state([BEFORE])]
    for operation in STEPS:
        states.append(states[-1].clone())
        operation.state_forwards("gallery", states[-1])
    with connection.schema_editor(atomic=False) as editor:
        for number, operation in reversed(list(enumerate(STEPS))):
            operation.database_backwards("gallery", editor, states[number + 1], states[number])
    yield states[0]
    assert indexes() == WALKS


def upgrade(state: ProjectState, steps: Sequence[Operation]) -> None:
    with connection.schema_editor(atomic=False) as editor:
        for step in steps:
            after = state.clone()
            step.state_forwards("gallery", after)
            step.database_forwards("gallery", editor, state, after)
            state = after


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, Image._meta.db_table)
    return {name for name, facts in found.items() if facts["index"]} & (OLD | WALKS)


def test_new_walks_are_there_before_the_old_ones_go(as_before: ProjectState) -> None:
    assert indexes() == OLD
    upgrade(as_before, STEPS[: len(WALKS)])
    assert indexes() == OLD | WALKS
    upgrade(as_before, STEPS)


@pytest.mark.parametrize("done", [1, len(WALKS) + 1])
def test_an_upgrade_that_was_interrupted_goes_on(as_before: ProjectState, done: int) -> None:
    upgrade(as_before, STEPS[:done])
    upgrade(as_before, STEPS)
