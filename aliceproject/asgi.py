"""HTTP and websocket entry: the layers in front of Django, outermost last."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aliceproject.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402 - needs the apps to be loaded
from django.conf import settings  # noqa: E402

from aliceproject.asgi_body import Receive, Scope, Send, SpooledBodies  # noqa: E402
from aliceproject.edge import RequestIds, TrustedProxies  # noqa: E402
from aliceproject.handler import BoundedASGIHandler  # noqa: E402
from aliceproject.security_headers import SecurityHeaders  # noqa: E402
from aliceproject.static_files import StaticFiles  # noqa: E402
from aliceproject.websockets import websockets  # noqa: E402
from generation import routing as generation_routing  # noqa: E402
from modelhub.api import routing as modelhub_routing  # noqa: E402


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Nothing to prepare: uvicorn and its kin only want to be answered."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
            continue
        await send({"type": "lifespan.shutdown.complete"})
        return


http = SpooledBodies(
    StaticFiles(BoundedASGIHandler(), settings.STATIC_URL), settings.ALICE_MAX_BODY_MB * 2**20
)
application = TrustedProxies(
    RequestIds(
        ProtocolTypeRouter(
            {
                "http": SecurityHeaders(http),
                "websocket": websockets(
                    [
                        *generation_routing.websocket_urlpatterns,
                        *modelhub_routing.websocket_urlpatterns,
                    ]
                ),
                "lifespan": lifespan,
            }
        )
    ),
    settings.ALICE_TRUSTED_PROXIES,
)
