"""Paths of health, readiness and metrics."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, re_path
from django.views.decorators.csrf import csrf_exempt

from aliceproject.ops import health, metrics


def _at(pattern: str, view: Callable[[HttpRequest], HttpResponse]) -> URLPattern:
    # They only read: exempt, so that a POST is told 405 and not asked for a token.
    return re_path(pattern, csrf_exempt(view), name=view.__name__)


urlpatterns = [
    # Two routes on purpose: their clients read different words.
    _at(r"^(?:api/)?health$", health.health),
    _at(r"^(?:api/)?health/$", health.health_slash),
    _at(r"^livez/?$", health.livez),
    _at(r"^readyz/?$", health.readyz),
    _at(r"^metrics/?$", metrics.metrics),
    _at(r"^metrics/prometheus/?$", metrics.prometheus),
]
