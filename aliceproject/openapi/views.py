"""The API's description and its two readers: everything is served from here, nothing from a CDN."""

import functools
import json
from typing import Any

from csp.decorators import csp_update
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from accounts.authentication import find, identify


@functools.cache
def description() -> bytes:
    """The OpenAPI document. The same for every caller, so it is made once in a process."""
    # A generator without a request describes everything, whoever asks.
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call] # spectacular is typed in part
    return json.dumps(document).encode()


@require_safe
def openapi_json(request: HttpRequest) -> HttpResponse:
    """GET /openapi.json, for any caller with a key or a session."""
    identify(request)
    return HttpResponse(description(), content_type="application/json")


def _reader(template: str) -> Any:
    # Both readers draw with a worker of their own and inline pictures.
    @csp_update({"worker-src": ["blob:"], "img-src": ["data:"]})
    @require_safe
    def page(request: HttpRequest) -> HttpResponse:
        if find(request) is None:
            return redirect_to_login(request.path)
        return render(request, template)

    return page


docs = _reader("openapi/docs.html")
redoc = _reader("openapi/redoc.html")
