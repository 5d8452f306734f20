from django.urls import re_path

from generation.api.defaults import DefaultsView, SchedulersView
from generation.api.native import views
from generation.api.native.events import events
from generation.api.native.rerun import RerunView

JOB = r"^v1/jobs/(?P<job_id>[0-9a-fA-F-]{32,36})"

urlpatterns = [
    re_path(r"^v1/jobs/?$", views.JobsView.as_view()),
    re_path(rf"{JOB}/?$", views.JobView.as_view()),
    re_path(rf"{JOB}/cancel/?$", views.CancelView.as_view()),
    re_path(rf"{JOB}/retry/?$", views.RetryView.as_view()),
    re_path(rf"{JOB}/preview/?$", views.PreviewView.as_view()),
    re_path(rf"{JOB}/events/?$", events),
    re_path(
        r"^v1/gallery/(?P<image_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/rerun/?$",
        RerunView.as_view(),
    ),
    re_path(r"^v1/estimate/?$", views.EstimateView.as_view()),
    re_path(r"^v1/schedulers/?$", SchedulersView.as_view()),
    re_path(r"^v1/generation/defaults/?$", DefaultsView.as_view()),
]
