"""What a caller asked for, in no dialect: None means unsaid."""

from dataclasses import dataclass, fields
from typing import Any

from generation.engine.contract import Task


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """The ask. Every field a dialect cannot or did not say stays None and is filled by resolve."""

    prompt: str
    task: Task = Task.TXT2IMG
    model: str | None = None
    negative_prompt: str | None = None
    width: int | None = None
    height: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    scheduler: str | None = None
    seed: int | None = None
    n: int | None = None
    clip_skip: int | None = None
    # low, medium or high: scales the default number of steps when none was asked for.
    quality: str | None = None
    # Any adjustment becomes a refusal.
    strict: bool = False

    def said(self) -> dict[str, Any]:
        """Only what the caller said, for the job's record."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if value is not None}
