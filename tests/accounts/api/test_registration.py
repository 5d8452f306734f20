"""Registration over the API: what is asked, what is answered, and what staff decide."""

import time
import uuid
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import keys, registration
from accounts.audit import Source
from accounts.members import Newcomer
from accounts.models import Invite, Registration, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_hashes")]
REGISTER, INVITES, PENDING = "/v1/auth/register", "/v1/auth/invites", "/v1/auth/pending"
GOOD = {"username": "dora", "password": "a quiet lake at dawn"}


@pytest.fixture(autouse=True)
def opened(settings: Settings) -> None:
    settings.ALICE_REGISTRATION = "open"


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


def refusal(reply: Any) -> tuple[int, str, str | None]:
    error = reply.json()["error"]
    return reply.status_code, error["code"], error["param"]


@pytest.fixture
def carol(staff: User) -> Client:
    """Staff with a key of scope admin."""
    return Client(headers={"X-Api-Key": keys.mint(staff, "test", ["admin"])[1]})


@pytest.fixture
def waiting() -> Registration:
    return registration.wait(Newcomer("dora", "d@example.org", "!"), Source(), "May I?")


def test_an_open_server_makes_the_account(client: Client) -> None:
    reply = post(client, REGISTER, **GOOD)
    assert (reply.status_code, reply.json()["status"]) == (201, "approved")
    assert User.objects.get(username="dora").check_password(GOOD["password"])


def test_approval_answers_the_same_for_every_name(
    alice: User, client: Client, settings: Settings
) -> None:
    settings.ALICE_REGISTRATION = "approval"
    bodies = []
    for name in ("alice", "dora"):
        reply = post(client, REGISTER, **GOOD | {"username": name})
        body = reply.json()
        seen = client.get(f"{REGISTER}/{body['id']}").json()
        bodies.append((reply.status_code, sorted(body), body["status"], seen == body))
    assert bodies[0] == bodies[1]
    assert bodies[0][0] == 202


@pytest.mark.parametrize("body", [{}, GOOD, {"x": 1}])
def test_a_closed_server_says_so_whatever_is_sent(
    client: Client, settings: Settings, body: dict[str, Any]
) -> None:
    settings.ALICE_REGISTRATION = "closed"
    assert refusal(post(client, REGISTER, **body))[:2] == (403, "registration_closed")


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"username": None}, "username"),
        ({"username": "two words"}, "username"),
        ({"username": "nul\0"}, "username"),
        ({"username": "root"}, "username"),
        ({"password": ""}, "password"),
        ({"password": "dora"}, "password"),
        ({"password": ["a quiet lake at dawn"]}, "password"),
        ({"email": "nowhere"}, "email"),
        ({"message": "x" * 1001}, "message"),
        ({"inviteCode": "x" * 201}, "inviteCode"),
        ({"inviteCode": "nonsense"}, "inviteCode"),
        ({"isStaff": True}, "isStaff"),
        ({"is_staff": True}, "is_staff"),
        ({"is_superuser": True}, "is_superuser"),
        ({"status": "approved"}, "status"),
    ],
)
def test_a_bad_body_names_its_parameter(client: Client, wrong: dict[str, Any], param: str) -> None:
    reply = post(client, REGISTER, **GOOD | wrong)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert not User.objects.exists()


def test_a_missing_name_is_missing(client: Client) -> None:
    reply = post(client, REGISTER, password="x")
    assert refusal(reply) == (400, "missing_required_parameter", "username")


def test_a_form_of_another_site_registers_nobody(client: Client) -> None:
    assert client.post(REGISTER, GOOD).status_code == 415
    assert client.post(REGISTER, "{}", content_type="text/plain").status_code == 415


def test_no_registration_ever_makes_staff(staff: User, client: Client, carol: Client) -> None:
    client.force_login(staff)
    assert post(client, REGISTER, **GOOD).status_code == 201
    code = post(carol, INVITES).json()["code"]
    assert post(carol, REGISTER, **GOOD | {"username": "erin", "inviteCode": code})
    newcomers = User.objects.filter(username__in=["dora", "erin"])
    assert [user.is_staff or user.is_superuser for user in newcomers] == [False, False]


def test_on_an_empty_server_the_first_to_come_is_no_administrator(client: Client) -> None:
    post(client, REGISTER, **GOOD)
    assert not User.objects.get().is_staff
    for path in ("/setup", "/v1/setup", "/v1/auth/setup", "/v1/auth/bootstrap", "/web/setup"):
        assert client.get(path).status_code == client.post(path).status_code == 404


def test_one_more_try_is_told_to_wait(client: Client) -> None:
    for number in range(registration.TRIES):
        post(client, REGISTER, **GOOD | {"username": f"dora{number}"})
    reply = post(client, REGISTER, **GOOD)
    assert refusal(reply)[:2] == (429, "rate_limit_exceeded")
    assert 1 <= int(reply["Retry-After"]) <= 60


def test_an_unknown_registration_is_not_found(client: Client) -> None:
    assert client.get(f"{REGISTER}/{uuid.uuid4()}").status_code == 404


def test_an_invite_made_here_opens_an_account_there(
    carol: Client, client: Client, settings: Settings
) -> None:
    settings.ALICE_REGISTRATION = "invite"
    made = post(carol, INVITES, uses=1, note="the choir").json()
    assert made["url"] == f"http://testserver/web/register?invite={made['code']}"
    assert post(client, REGISTER, **GOOD | {"inviteCode": made["code"]}).status_code == 201
    listed = carol.get(INVITES)
    assert made["code"] not in listed.content.decode()
    (info,) = listed.json()["data"]
    assert (info["state"], info["used"], info["uses"], info["note"]) == ("used", 1, 1, "the choir")
    assert info["createdBy"] == "carol"


def test_invites_are_listed_in_parts_newest_first(carol: Client) -> None:
    made = [post(carol, INVITES).json()["info"]["id"] for _ in range(3)]
    listed = [carol.get(f"{INVITES}?limit=2&offset={start}").json() for start in (0, 2)]
    assert [one["id"] for part in listed for one in part["data"]] == made[::-1]
    assert [part["total"] for part in listed] == [3, 3]
    assert carol.get(f"{INVITES}?limit=0").status_code == 400


def test_the_public_address_wins_in_links(carol: Client, settings: Settings) -> None:
    settings.ALICE_PUBLIC_URL = "https://pictures.example.org"
    assert post(carol, INVITES).json()["url"].startswith("https://pictures.example.org/web/")


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"uses": 0}, "uses"),
        ({"uses": 1001}, "uses"),
        ({"uses": "many"}, "uses"),
        ({"expiresAt": 1}, "expiresAt"),
        ({"expiresAt": 10**30}, "expiresAt"),
        ({"note": "a\nb"}, "note"),
        ({"code": "mine"}, "code"),
        ({"used": -5}, "used"),
    ],
)
def test_a_bad_invite_is_refused(carol: Client, wrong: dict[str, Any], param: str) -> None:
    reply = post(carol, INVITES, **wrong)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert not Invite.objects.exists()


def test_an_invite_s_end_is_kept(carol: Client) -> None:
    later = int(time.time()) + 3600
    assert post(carol, INVITES, expiresAt=later).json()["info"]["expiresAt"] == later


def test_a_revoked_invite_opens_nothing(carol: Client, client: Client) -> None:
    made = post(carol, INVITES).json()
    reply = carol.delete(f"{INVITES}/{made['info']['id']}")
    assert reply.json()["info"]["state"] == "revoked"
    refused = post(client, REGISTER, **GOOD | {"inviteCode": made["code"]})
    assert refusal(refused) == (400, "invalid_invite", "inviteCode")
    assert carol.delete(f"{INVITES}/99").status_code == 404


def test_staff_see_who_waits_and_approve(carol: Client, waiting: Registration) -> None:
    (asked,) = carol.get(PENDING).json()["data"]
    assert (asked["username"], asked["message"], asked["nameTaken"]) == ("dora", "May I?", False)
    reply = post(carol, f"{PENDING}/{asked['id']}/approve")
    assert reply.json()["userId"] == User.objects.get(username="dora").pk
    assert reply.json()["info"]["decidedBy"] == "carol"
    assert carol.get(PENDING).json()["data"] == []


def test_staff_reject_with_a_reason_that_the_stranger_reads(
    carol: Client, client: Client, waiting: Registration
) -> None:
    post(carol, f"{PENDING}/{waiting.pk}/reject", reason="Who are you?")
    seen = client.get(f"{REGISTER}/{waiting.pk}").json()
    assert (seen["status"], seen["reason"]) == ("rejected", "Who are you?")
    assert carol.get(f"{PENDING}?status=rejected").json()["total"] == 1


def test_deciding_twice_is_a_clear_refusal(carol: Client, waiting: Registration) -> None:
    post(carol, f"{PENDING}/{waiting.pk}/approve")
    for deed in ("approve", "reject"):
        reply = post(carol, f"{PENDING}/{waiting.pk}/{deed}")
        assert refusal(reply)[:2] == (400, "already_decided")


def test_a_name_that_is_taken_meanwhile_is_told_to_staff(
    carol: Client, waiting: Registration
) -> None:
    User.objects.create(username="Dora")
    assert carol.get(PENDING).json()["data"][0]["nameTaken"] is True
    reply = post(carol, f"{PENDING}/{waiting.pk}/approve")
    assert refusal(reply) == (400, "already_exists", "username")


@pytest.mark.parametrize("deed", ["approve", "reject"])
def test_what_nobody_asked_for_is_not_found(carol: Client, deed: str) -> None:
    assert post(carol, f"{PENDING}/{uuid.uuid4()}/{deed}").status_code == 404


@pytest.mark.parametrize(
    "query", ["status=open", "limit=0", "limit=201", "offset=-1", "offset=10001", "order=password"]
)
def test_a_list_takes_what_it_knows(carol: Client, query: str) -> None:
    assert carol.get(f"{PENDING}?{query}").status_code == 400


def test_a_decision_refuses_what_it_does_not_know(carol: Client, waiting: Registration) -> None:
    reply = post(carol, f"{PENDING}/{waiting.pk}/approve", isStaff=True)
    assert refusal(reply) == (400, "invalid_value", "isStaff")
    assert not User.objects.filter(username="dora").exists()
