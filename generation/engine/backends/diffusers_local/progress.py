"""What happens after each denoising step: the watcher is told, and may end the work by raising."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from generation.engine.backends.diffusers_local import previews
from generation.engine.contract import Raster, Step, Watcher


@dataclass(slots=True)
class Progress:
    """Counts the UNet evaluations of a whole generate call."""

    watch: Watcher
    total: int
    done: int = 0
    colours: previews.LatentMap | None = None

    def __call__(
        self, pipe: Any, index: int, timestep: Any, tensors: dict[str, Any]
    ) -> dict[str, Any]:
        """diffusers' callback_on_step_end. Looks at no tensor, so it never waits for the device."""
        self.done += 1
        self.watch(Step(self.done, self.total, self._preview(pipe, tensors["latents"])))
        return {}

    def _preview(self, pipe: Any, latents: Any) -> Callable[[], Raster] | None:
        if self.colours is None:
            return None
        return partial(previews.raster, latents, pipe.scheduler, self.colours)
