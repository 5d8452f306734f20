"""Websocket addresses."""

from django.urls import path

from generation.consumers import DashboardSocket, JobSocket

websocket_urlpatterns = [
    path("ws/jobs/<uuid:job_id>", JobSocket.as_asgi()),
    path("ws/dashboard", DashboardSocket.as_asgi()),
]
