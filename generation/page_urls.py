"""Pages under /web/ that make pictures."""

from django.urls import path

from generation import views

app_name = "pages"
urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("generate", views.generate, name="generate"),
]
