"""What every reply tells browsers, also replies that never reach Django."""

from csp.utils import build_policy
from django.conf import settings

from aliceproject.asgi_body import Asgi, Message, Receive, Scope, Send


def headers() -> dict[str, str]:
    """Names in lower case and what they say, where the reply itself does not say otherwise."""
    told = {
        "content-security-policy": str(build_policy()),
        "x-content-type-options": "nosniff",
        "referrer-policy": str(settings.SECURE_REFERRER_POLICY),
        "x-frame-options": str(settings.X_FRAME_OPTIONS),
        "cross-origin-opener-policy": str(settings.SECURE_CROSS_ORIGIN_OPENER_POLICY),
        "cross-origin-resource-policy": "same-origin",
    }
    if settings.SECURE_HSTS_SECONDS:
        told["strict-transport-security"] = (
            f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
        )
    return told


class SecurityHeaders:
    """The outermost layer: refusals of bodies and hosts, and files, get the headers of pages."""

    def __init__(self, app: Asgi) -> None:
        self.app = app
        self.told = [(name.encode(), value.encode()) for name, value in headers().items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", []))
                named = {name.lower() for name, _ in own}
                more = [entry for entry in self.told if entry[0] not in named]
                message = dict(message) | {"headers": [*own, *more]}
            await send(message)

        return await self.app(scope, receive, complete)
