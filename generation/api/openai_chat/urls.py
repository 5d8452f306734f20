from django.urls import re_path

from generation.api.openai_chat import views

urlpatterns = [re_path(r"^(?:v1/)?chat/completions/?$", views.completions)]
