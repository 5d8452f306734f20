"""What the table of families promises, the engine has rows for."""

import pytest

from generation.engine.contract import Task
from modelhub.families import TRAITS, Family


@pytest.mark.parametrize("family", Family)
def test_a_family_is_runnable_where_the_engine_has_a_pipeline(family: Family) -> None:
    from generation.engine.backends.diffusers_local.pipelines import PIPELINES

    assert TRAITS[family].runnable == ((family, Task.TXT2IMG) in PIPELINES)


@pytest.mark.parametrize("family", Family)
def test_what_is_loaded_from_one_file_can_be_run(family: Family) -> None:
    assert TRAITS[family].runnable or not TRAITS[family].single_file


@pytest.mark.parametrize("family", [family for family in Family if TRAITS[family].runnable])
def test_pipelines_are_of_the_class_the_family_names(family: Family) -> None:
    from generation.engine.backends.diffusers_local.pipelines import PIPELINES

    assert PIPELINES[family, Task.TXT2IMG].cls == TRAITS[family].pipeline
