"""What happens after each denoising step: the watcher is told, and may end the work by raising."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from generation.engine.backends.diffusers_local import previews
from generation.engine.backends.diffusers_local.colours import LatentMap
from generation.engine.contract import Raster, Step, Watcher


@dataclass(slots=True)
class Progress:
    """Counts the UNet evaluations of a whole generate call."""

    watch: Watcher
    total: int
    done: int = 0
    _preview: Callable[[], Raster] | None = None

    def follow(
        self,
        scheduler: Any,
        colours: LatentMap | None,
        unpack: Callable[[torch.Tensor], torch.Tensor],
    ) -> None:
        """From now on previews show what `scheduler` is drawing; no map, no previews."""
        self._preview = None
        if colours:
            glimpse = previews.Glimpse(scheduler)
            self._preview = lambda: previews.raster(unpack(glimpse.latents()), colours)

    def __call__(self, pipe: Any, index: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        """diffusers' callback_on_step_end. Looks at no tensor, so it never waits for the device."""
        self.done += 1
        self.watch(Step(self.done, self.total, self._preview))
        return {}
