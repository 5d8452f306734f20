"""/static/ in front of Django: WhiteNoise's index and file answers without its middleware."""

import asyncio
import os
from pathlib import Path

from django.contrib.staticfiles import finders
from whitenoise import WhiteNoise
from whitenoise.responders import Response, StaticFile

from aliceproject.asgi_body import Asgi, Headers, Receive, Scope, Send

# Without hashes in names a browser must ask each time; the ETag makes the answer 304.
REVALIDATE = 0
ASKED = (b"if-none-match", b"if-modified-since", b"range", b"accept-encoding")


class StaticFiles:
    """Serves what `django.contrib.staticfiles` finds; everything else goes to the application."""

    def __init__(self, app: Asgi, prefix: str) -> None:
        self.app = app
        self.index = WhiteNoise(None, max_age=REVALIDATE, allow_all_origins=False)
        self.places: dict[str, tuple[str, float]] = {}
        for finder in finders.get_finders():
            for path, storage in finder.list([]):
                self._add(f"{prefix}{path}".replace(os.sep, "/"), storage.path(path))

    def _add(self, url: str, place: str) -> None:
        # The first finder wins, as in collectstatic.
        if url not in self.places:
            self.places[url] = (place, Path(place).stat().st_mtime)
            self.index.files[url] = self.index.get_static_file(place, url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in self.places:
            return await self.app(scope, receive, send)
        response = await asyncio.to_thread(self._answer, scope)
        raw = [(k.lower().encode("latin1"), v.encode("latin1")) for k, v in response.headers]
        body = await asyncio.to_thread(_read, response)
        status = int(response.status)
        start = {"type": "http.response.start", "status": status, "headers": raw}
        await send(start)
        await send({"type": "http.response.body", "body": body, "more_body": False})
        return None

    def _answer(self, scope: Scope) -> Response:
        headers = Headers(scope["headers"])
        asked = {
            "HTTP_" + name.decode().upper().replace("-", "_"): headers[name].decode("latin1")
            for name in ASKED
            if name in headers
        }
        return self._file(scope["path"]).get_response(scope["method"], asked)

    def _file(self, url: str) -> StaticFile:
        place, known = self.places[url]
        changed = Path(place).stat().st_mtime
        if changed != known:
            # Edited while we run: the length and ETag of the index would be lies.
            self.places[url] = (place, changed)
            self.index.files[url] = self.index.get_static_file(place, url)
        return self.index.files[url]


def _read(response: Response) -> bytes:
    if response.file is None:
        return b""
    with response.file as file:
        return bytes(file.read())
