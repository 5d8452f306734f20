from django.urls import re_path

from generation.api.openai_models import views

urlpatterns = [
    re_path(r"^(?:v1/)?models/?$", views.ModelsView.as_view()),
    re_path(r"^v1/models/(?P<name>.+)/info/?$", views.ModelInfoView.as_view()),
    re_path(r"^v1/models/(?P<name>.+)/unload/?$", views.UnloadView.as_view()),
    re_path(r"^v1/models/(?P<name>.+?)/?$", views.ModelView.as_view()),
]
