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


# ReDoc fills its style elements rule by rule, which CSP allows, but must be allowed to make them:
# these are the hashes of the two texts they begin with, one of them empty.
REDOC_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
)


def _reader(template: str, styles: tuple[str, ...] = ()) -> Any:
    @csp_update({"worker-src": ["blob:"], "style-src": list(styles)})
    @require_safe
    def page(request: HttpRequest) -> HttpResponse:
        if find(request) is None:
            return redirect_to_login(request.path)
        return render(request, template)

    return page


docs = _reader("openapi/docs.html")
redoc = _reader("openapi/redoc.html", REDOC_STYLES)
