"""Whatever process of a run a test is in, it and what it starts work in one data directory."""

import os

from django.conf import settings

from tests.conftest import STAGE


def test_settings_and_environment_name_the_stage_of_this_process() -> None:
    assert str(settings.ALICE_DATA_DIR) == os.environ["ALICE_DATA_DIR"] == str(STAGE)
