"""The ask: what was not said stays unsaid."""

from generation.engine.contract import Task
from generation.requests import ImageRequest


def test_only_what_was_said_is_recorded() -> None:
    said = ImageRequest(prompt="a lake", seed=0, guidance_scale=0.0, negative_prompt="").said()
    assert said == {
        "prompt": "a lake",
        "task": Task.TXT2IMG,
        "negative_prompt": "",
        "guidance_scale": 0.0,
        "seed": 0,
        "strict": False,
    }
