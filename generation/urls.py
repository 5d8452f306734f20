"""Every dialect, each with its own paths."""

from django.urls import include, path

DIALECTS = ("openai_images", "openai_chat", "openai_models", "native")

urlpatterns = [path("", include(f"generation.api.{dialect}.urls")) for dialect in DIALECTS]
