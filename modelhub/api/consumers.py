"""The websocket on which staff watch downloads."""

import asyncio
from contextlib import suppress
from typing import Any

from asgiref.sync import sync_to_async

from accounts.sockets import Socket
from modelhub.downloads import board, telling

# Told anew at most and at least this often, in seconds.
REDRAW_SECONDS, RESYNC_SECONDS = 0.5, 5.0


class DownloadsSocket(Socket):
    """Sends the newest downloads whenever one changes, and now and then in case word was lost."""

    required_scope = "models"
    changed: asyncio.Event

    async def talk(self) -> None:
        self.changed = asyncio.Event()
        await self.channel_layer.group_add(telling.GROUP, self.channel_name)
        try:
            while True:
                self.changed.clear()
                await self.send_json({"type": "downloads"} | await sync_to_async(board.board)())
                await asyncio.sleep(REDRAW_SECONDS)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.changed.wait(), RESYNC_SECONDS)
        finally:
            await self.channel_layer.group_discard(telling.GROUP, self.channel_name)

    async def downloads_update(self, event: dict[str, Any]) -> None:
        self.changed.set()
