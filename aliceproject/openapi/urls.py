"""Paths of the description and its readers."""

from django.urls import re_path

from aliceproject.openapi import views

urlpatterns = [
    re_path(r"^openapi\.json$", views.openapi_json, name="openapi"),
    re_path(r"^docs/?$", views.docs, name="docs"),
    re_path(r"^redoc/?$", views.redoc, name="redoc"),
]
