"""Quotas over the API: for staff alone, all five limits at once."""

from typing import Any

import pytest
from django.test import Client

from accounts import keys, quotas
from accounts.models import Quota, User
from accounts.quotas import Limits

pytestmark = pytest.mark.django_db
QUOTAS = "/v1/auth/quotas"
NONE = dict.fromkeys(
    ("queuedJobs", "runningJobs", "imagesPerDay", "megapixelStepsPerDay", "storedBytes")
)


@pytest.fixture
def carol(staff: User) -> Client:
    """Staff with a key of scope admin."""
    return Client(headers={"X-Api-Key": keys.mint(staff, "test", ["admin"])[1]})


def put(client: Client, whose: object, **body: Any) -> Any:
    return client.put(f"{QUOTAS}/{whose}", body, content_type="application/json")


def test_a_role_gets_limits_and_loses_them(carol: Client, alice: User) -> None:
    reply = put(carol, "user", imagesPerDay=5, megapixelStepsPerDay=1.5)
    assert reply.status_code == 200
    limits = NONE | {"imagesPerDay": 5, "megapixelStepsPerDay": 1.5}
    assert reply.json()["quota"] == {"role": "user", "set": True, "limits": limits}
    assert quotas.limits_of(alice) == Limits(images_per_day=5, megapixel_steps_per_day=1.5)
    assert carol.delete(f"{QUOTAS}/user").json()["quota"]["set"] is False
    assert carol.delete(f"{QUOTAS}/user").status_code == 404


def test_a_user_is_shown_with_what_is_left(carol: Client, alice: User) -> None:
    put(carol, "user", queuedJobs=2)
    shown = carol.get(f"{QUOTAS}/{alice.pk}").json()
    assert (shown["username"], shown["set"], shown["limits"]["queuedJobs"]) == ("alice", False, 2)
    assert shown["quotas"]["queuedJobs"]["left"] == 2


def test_what_is_put_replaces_what_was(carol: Client, alice: User) -> None:
    put(carol, alice.pk, queuedJobs=2, storedBytes=2**40)
    put(carol, alice.pk, queuedJobs=None, runningJobs=1)
    assert quotas.limits_of(alice) == Limits(running_jobs=1)


def test_the_list_has_both_roles_and_who_has_own_limits(
    carol: Client, alice: User, bob: User
) -> None:
    put(carol, bob.pk, queuedJobs=2)
    listed = carol.get(QUOTAS).json()
    assert [role["role"] for role in listed["roles"]] == ["user", "staff"]
    assert [user["username"] for user in listed["data"]] == ["bob"]
    assert listed["total"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"queuedJobs": -1}, {"queuedJobs": 2**31}, {"queuedJobs": 1.5}, {"queuedJobs": "many"},
        {"megapixelStepsPerDay": "nan"}, {"megapixelStepsPerDay": 1e13}, {"images": 5},
        {"storedBytes": 2**63},
    ],
)  # fmt: skip
def test_what_is_no_limit_is_refused(carol: Client, body: dict[str, Any]) -> None:
    reply = put(carol, "user", **body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, next(iter(body)))
    assert not Quota.objects.exists()


@pytest.mark.parametrize("whose", ["nobody", "999999", "-1", "0x1"])
def test_nobodys_quota_is_not_found(carol: Client, whose: str) -> None:
    assert put(carol, whose, queuedJobs=1).status_code == 404


def test_staff_alone_may(alice: User) -> None:
    client = Client(headers={"X-Api-Key": keys.mint(alice, "test", ["generate", "read"])[1]})
    assert client.get(QUOTAS).status_code == 403
    assert put(client, alice.pk, queuedJobs=1).status_code == 403
