from django.urls import re_path

from generation.api.openai_images import views

urlpatterns = [re_path(r"^v1/images/generations/?$", views.generations)]
