from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.test import RequestFactory

from accounts import first_admin, keys
from accounts.models import ApiKey, User


def test_first_start_makes_an_administrator_who_can_log_in(db: None, rf: RequestFactory) -> None:
    made = first_admin.ensure()
    assert made is not None
    assert authenticate(rf.post("/"), username="admin", password=made.password) == made.user
    assert made.user.is_superuser
    key = keys.verify(made.key)
    assert key is not None
    assert key.user == made.user


def test_second_start_makes_nothing(db: None) -> None:
    first_admin.ensure()
    assert first_admin.ensure() is None
    assert (User.objects.count(), ApiKey.objects.count()) == (1, 1)


def test_existing_administrator_is_enough(db: None) -> None:
    User.objects.create_superuser("root", password="correct horse 5")
    assert first_admin.ensure() is None


def test_plain_user_called_admin_is_left_alone(db: None) -> None:
    User.objects.create_user("admin", password="correct horse 6")
    assert first_admin.ensure() is None
    assert not User.objects.get(username="admin").is_staff


def test_administrator_made_between_the_look_and_the_insert_wins(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_admin.ensure()
    monkeypatch.setattr(first_admin, "_present", lambda: False)
    assert first_admin.ensure() is None
    assert (User.objects.count(), ApiKey.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_eight_starts_at_once_make_one_administrator() -> None:
    def start(_: int) -> first_admin.FirstAdmin | None:
        try:
            return first_admin.ensure()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        made = [result for result in pool.map(start, range(8)) if result]
    assert len(made) == 1
    assert User.objects.filter(username="admin").count() == 1
