"""A websocket of a page or a program: let in, counted, and closed when its right is gone."""

import asyncio
import json
import logging
from typing import Any

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from accounts import listening
from accounts.credentials import Credential
from accounts.models import User
from accounts.problems import NotFound, RateLimited, Unauthenticated

logger = logging.getLogger(__name__)

MAX_MESSAGE = 64 * 1024
MAX_MESSAGES = 20
# A lost right closes a socket within a second; asking takes a moment itself.
RIGHTS_SECONDS = 0.8

FINISHED, BAD_MESSAGE, TOO_BIG, BROKEN = 1000, 1008, 1009, 1011
SIGNED_OUT, FORBIDDEN, REFUSED, TOO_MANY = 4401, 4403, 4404, 4429


class Socket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """A page or a program listening, by a session, a key or a ticket with `required_scope`.

    Closes by itself when the right to listen is gone. Close codes: 4401 not known, or no more;
    4403 the scope is missing; 4404 refused, whether the thing is another's or does not exist; 4429
    too many sockets, messages or wrong keys; 1008 and 1009 a message that is none of ours.
    """

    required_scope = "generate"
    user: User
    credential: Credential
    messages = 0
    serving: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        # Accepted even when refused: a browser shows a page the close code of open sockets only.
        await self.accept()
        self.serving = asyncio.create_task(self.serve())

    async def disconnect(self, code: int) -> None:
        if self.serving is not None:
            self.serving.cancel()
            # What broke was logged where it broke.
            await asyncio.gather(self.serving, return_exceptions=True)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.messages += 1
        if self.messages > MAX_MESSAGES:
            await self.close(TOO_MANY)
        elif len(text_data or "") > MAX_MESSAGE or len(bytes_data or b"") > MAX_MESSAGE:
            await self.close(TOO_BIG)
        elif not await self.hear(_parsed(text_data)):
            await self.close(BAD_MESSAGE)

    async def hear(self, message: Any) -> bool:
        """Act on a message; False for one that means nothing here."""
        return False

    async def serve(self) -> None:
        try:
            code = await self._admitted()
        except NotFound:
            code = REFUSED
        except Unauthenticated:
            code = SIGNED_OUT
        except RateLimited:
            code = TOO_MANY
        except Exception:
            await self.close(BROKEN)
            logger.exception("A websocket broke")
            raise
        await self.close(code)

    async def _admitted(self) -> int:
        """The whole conversation; returns the code to close with."""
        credential = await sync_to_async(listening.credential)(self.scope)
        if credential is None:
            return SIGNED_OUT
        self.credential = credential
        if code := await sync_to_async(self._lost_right)():
            return code
        async with listening.counted(self.user) as room:
            return await self._while_allowed() if room else TOO_MANY

    async def _while_allowed(self) -> int:
        talking = asyncio.create_task(self.talk())
        try:
            while not talking.done():
                await asyncio.wait({talking}, timeout=RIGHTS_SECONDS)
                if not talking.done() and (code := await sync_to_async(self._lost_right)()):
                    return code
                await listening.renew()
            talking.result()
            return FINISHED
        finally:
            talking.cancel()
            # Its end is waited for, so that what it holds (groups, connections) is let go.
            await asyncio.wait({talking})

    def _lost_right(self) -> int:
        """The code to close with, 0 while the right is there; asks the database."""
        identity = self.credential.holder()
        known = getattr(self, "user", None)
        if identity is None or known not in {None, identity.user}:
            return SIGNED_OUT
        self.user = identity.user
        if self.required_scope not in identity.scopes:
            return FORBIDDEN
        return 0 if self.allowed() else REFUSED

    def allowed(self) -> bool:
        """Whether `user` may listen now; asked at the beginning and every second after."""
        return True

    async def talk(self) -> None:
        raise NotImplementedError

    async def send_json(self, message: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(message))


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except ValueError:
        return None
