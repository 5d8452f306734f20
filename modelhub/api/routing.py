"""Websocket addresses."""

from django.urls import path

from modelhub.api.consumers import DownloadsSocket

websocket_urlpatterns = [path("ws/downloads", DownloadsSocket.as_asgi())]
