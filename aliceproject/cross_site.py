"""The second wall against forged requests, after tokens: browsers say where a request began."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.problems import Forbidden
from aliceproject.errors import is_page, respond
from aliceproject.middleware import Layer

HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
# `none` is a person's own doing, such as a bookmark.
OURS = frozenset({"", "same-origin", "none"})


class SameOriginOnly(Layer):
    """Refuses what another site makes a browser send with a session, or to a page.

    Programs send no Sec-Fetch-Site, and pages allowed by ALICE_CORS_ORIGINS send no cookies.
    """

    def before(self, request: HttpRequest) -> HttpResponse | None:
        if request.method in HARMLESS or request.headers.get("Sec-Fetch-Site", "") in OURS:
            return None
        if settings.SESSION_COOKIE_NAME not in request.COOKIES and not is_page(request.path):
            return None
        message = "This request was made by another site."
        return respond(request, Forbidden(message, code="cross_site"))
