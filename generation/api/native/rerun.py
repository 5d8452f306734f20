"""POST /v1/gallery/{id}/rerun: a picture's recipe as a new job, some of its words changed."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit
from accounts import authentication as auth
from accounts.problems import Invalid
from gallery import queries, sharing
from gallery.api import shapes
from generation.api import http
from generation.api.fields import CANONICAL
from generation.api.native import translate
from generation.api.native.views import DIALECT, accepted, body_of

OVERRIDES = "overrides"
# A size said at once, and the two words of the recipe that it says.
SIDES = frozenset({"width", "height"})


class RerunView(APIView):
    required_scope = "generate"

    def post(self, request: Request, image_id: str) -> Response:
        """The same picture again, or another by `overrides`: any words of POST /v1/jobs."""
        identity = auth.caller(request)
        auth.require(identity, "read")
        image = queries.one(identity.user, UUID(image_id))
        sharing.note_view(image, audit.source(request, identity.user, identity.key))
        changes = overrides(body_of(request))
        body = renewed(shapes.request_again(image), changes)
        ask = translate.to_ask(body)
        sender = http.caller(
            request,
            DIALECT,
            {"rerun": image_id, **body},
            client_job_id=ask.client_job_id,
            previews=ask.previews,
            priority=ask.priority,
        )
        return accepted(request, http.place(identity.user, ask.asked, ask.said, sender), ask)


def overrides(body: Mapping[str, Any]) -> dict[str, Any]:
    """The words to change: in `overrides`, or beside it as POST /v1/jobs has them."""
    inner = body.get(OVERRIDES)
    if not isinstance(inner, Mapping | None):
        raise Invalid("overrides must be an object.", param=OVERRIDES)
    outer = {name: value for name, value in body.items() if name != OVERRIDES}
    twice = sorted(set(outer) & set(inner or {}))
    if twice:
        raise Invalid(f"{twice[0]} and overrides.{twice[0]}: say it once.", param=twice[0])
    return outer | dict(inner or {})


def renewed(recipe: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe less what `changes` say otherwise, under any name, and the changes."""
    named = {CANONICAL.get(name, name) for name in changes}
    if "size" in named:
        named |= SIDES
    return {name: value for name, value in recipe.items() if name not in named} | dict(changes)
