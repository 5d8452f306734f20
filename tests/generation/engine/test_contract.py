"""Orders survive the way through a database row."""

import json

from generation.engine.contract import JobSpec, Task


def test_spec_survives_json(spec: JobSpec) -> None:
    again = JobSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.task is Task.TXT2IMG


def test_specs_of_an_older_version_get_today_s_defaults(spec: JobSpec) -> None:
    older = {k: v for k, v in spec.to_json().items() if k not in {"n", "clip_skip"}}
    assert JobSpec.from_json(older) == spec
