import pytest
from django.contrib.auth import authenticate
from django.test import RequestFactory

from accounts.local import local_user
from accounts.models import User


def test_local_user_is_made_once_and_is_nobody_special(db: None) -> None:
    user = local_user()
    assert local_user() == user
    assert not user.is_staff
    assert not user.is_superuser
    assert User.objects.count() == 1


@pytest.mark.parametrize("password", ["", "local", "!"])
def test_nobody_logs_in_as_local(db: None, rf: RequestFactory, password: str) -> None:
    local_user()
    assert authenticate(rf.post("/"), username="local", password=password) is None
