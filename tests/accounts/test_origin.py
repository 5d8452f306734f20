"""Where links lead."""

from django.test import RequestFactory
from pytest_django import Settings

from accounts.origin import base_url


def test_links_lead_where_the_caller_came(rf: RequestFactory, settings: Settings) -> None:
    request = rf.get("/v1/gallery", headers={"host": "192.168.1.20:8080"})
    assert base_url(request) == "http://192.168.1.20:8080"
    settings.ALICE_PUBLIC_URL = "https://pictures.example"
    assert base_url(request) == "https://pictures.example"
