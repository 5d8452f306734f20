"""Work that takes its time on other people's machines or on large files, off the threads that serve."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_threads = ThreadPoolExecutor(8, "elsewhere")


async def elsewhere(work: Callable[[], T]) -> T:
    """The result of `work`, which must not touch the database: its threads close no connections."""
    return await asyncio.get_running_loop().run_in_executor(_threads, work)
