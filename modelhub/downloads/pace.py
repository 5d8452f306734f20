"""The share of the line that downloads may take, all of this process together."""

import threading
import time
from collections.abc import Callable

MB = 10**6
# So much may come at once after a silence, in seconds of the limit.
BURST_SECONDS = 0.5


class Bucket:
    """Tokens are bytes. Whoever takes more than there are waits, and so do those after him."""

    def __init__(self, bytes_per_second: float) -> None:
        self.rate = bytes_per_second
        self._lock = threading.Lock()
        self._free_at = time.monotonic()

    def take(self, size: int, wait: Callable[[float], object]) -> None:
        """Account for `size` bytes; `wait(seconds)` is called where the line was used up."""
        if not self.rate:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - BURST_SECONDS) + size / self.rate
            pause = self._free_at - now
        if pause > 0:
            wait(pause)
