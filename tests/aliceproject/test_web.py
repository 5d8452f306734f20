"""What the web process does before it serves."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# In a process of its own: what is frozen stays so.
ASK = """
import gc, django
django.setup()
from aliceproject.management.commands.web import settle
settle()
loaded = set(__import__("sys").modules)
print(gc.get_freeze_count() > 100_000, len(gc.get_objects()) < 1000, "generation.api.native.views" in loaded)
"""


def test_what_is_loaded_for_good_is_no_work_for_the_collector() -> None:
    told = subprocess.run(
        [sys.executable, "-c", ASK], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True
    )
    assert told.stdout.split() == ["True"] * 3, told.stderr
