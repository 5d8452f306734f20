"""Paths of health, readiness and metrics."""

from django.urls import re_path

from aliceproject.ops import health, metrics

urlpatterns = [
    # Two routes on purpose: their clients read different words.
    re_path(r"^(?:api/)?health$", health.health),
    re_path(r"^(?:api/)?health/$", health.health_slash),
    re_path(r"^livez/?$", health.livez),
    re_path(r"^readyz/?$", health.readyz),
    re_path(r"^metrics/?$", metrics.metrics, name="metrics"),
    re_path(r"^metrics/prometheus/?$", metrics.prometheus),
]
