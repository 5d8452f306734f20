"""What pages are about: jobs and pictures, as the tests of the queue and the gallery make them."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from tests.gallery.conftest import images_dir, keep
from tests.generation.jobs.conftest import model, order, submit, take

__all__ = ["images_dir", "keep", "model", "order", "submit", "take"]

Browser = Callable[[User], Client]


@pytest.fixture
def browser() -> Browser:
    """browser(user) -> a client that holds the user's session."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in
