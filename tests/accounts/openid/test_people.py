"""Whom an identity lets in, and what its owner may do with it."""

import re
import time
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp
from pytest_django import Settings

from accounts import audit, invites, registration, second_factor, witness
from accounts.models import AuditEntry, AuthenticatorApp, OpenIdentity, Registration, User
from accounts.openid import identities
from accounts.openid.tokens import Claims
from accounts.problems import Invalid
from tests.accounts.conftest import at_once
from tests.accounts.openid.forger import Answer, Forger

SUBJECT = "248289761001"
WELCOME, SECURITY, CONFIRM = "/web/login/openid/welcome", "/web/account/security", "/web/confirm"
BY = audit.SYSTEM
# Another one with every page.
TOKEN = re.compile(r'"\w{64}"')


@pytest.fixture
def dora(forger: Forger) -> User:
    """Who came by the provider and has no password."""
    user = User.objects.create_user("dora")
    OpenIdentity.objects.create(issuer=forger.issuer, subject=SUBJECT, user=user)
    return user


@pytest.fixture
def hers(dora: User, forger: Forger, client: Client) -> Client:
    forger.round_trip(client)
    return client


def grow_old(client: Client) -> None:
    session: Any = client.session
    session[witness.PROVED_AT] = time.time() - 16 * 60
    session.save()


def code_of(app: AuthenticatorApp) -> str:
    return f"{totp(app.bin_key):06}"


@pytest.fixture
def app(dora: User) -> AuthenticatorApp:
    made: AuthenticatorApp = second_factor.begin(dora)
    AuthenticatorApp.objects.update(confirmed=True)
    return made


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


# Who comes in


def test_a_sign_in_is_in_the_audit_log(hers: Client, dora: User) -> None:
    entry = AuditEntry.objects.get(action="login")
    assert entry.detail == {"means": "openid", "second_factor": False}
    assert entry.actor_id == dora.pk
    identity = OpenIdentity.objects.get()
    assert identity.last_used_at is not None


def test_nobody_is_known_by_an_address_or_a_name(
    alice: User, forger: Forger, client: Client
) -> None:
    User.objects.filter(pk=alice.pk).update(email="alice@id.example")
    forger.claims = {
        "preferred_username": "alice",
        "email": "alice@id.example",
        "email_verified": True,
    }
    assert forger.round_trip(client).status_code == 403
    assert not signed_in(client)
    assert OpenIdentity.objects.count() == 0


def test_closed_lets_nobody_new_in(forger: Forger, client: Client) -> None:
    reply = forger.round_trip(client)
    assert reply.status_code == 403
    assert identities.REFUSAL in reply.content.decode()
    entry = AuditEntry.objects.get()
    assert entry.action == "openid_refused"
    assert entry.detail == {"issuer": forger.issuer, "subject": SUBJECT, "why": "unknown"}


def test_a_deactivated_account_is_told_what_strangers_are(
    dora: User, forger: Forger, client: Client
) -> None:
    stranger = Client()
    forger.claims = {"sub": "somebody else"}
    told = TOKEN.sub("", forger.round_trip(stranger).content.decode())
    User.objects.update(is_active=False)
    forger.claims = {}
    reply = forger.round_trip(client)
    assert (reply.status_code, TOKEN.sub("", reply.content.decode())) == (403, told)
    assert not signed_in(client)


def test_open_makes_an_account_without_a_password(
    forger: Forger, client: Client, settings: Settings
) -> None:
    settings.ALICE_REGISTRATION = "open"
    forger.claims = {"email": "dora@id.example"}
    reply = forger.round_trip(client, next="/web/account/usage")
    assert reply.headers["Location"] == WELCOME
    assert b'value="dora"' in client.get(WELCOME).content
    assert client.post(WELCOME, {"username": "dora"}).headers["Location"] == "/web/account/usage"
    user = User.objects.get()
    assert (user.email, user.is_staff, user.has_usable_password()) == (
        "dora@id.example",
        False,
        False,
    )
    assert actions() == ["registered", "openid_linked", "login"]


@pytest.mark.parametrize("word", [False, "false"])
def test_an_address_the_provider_does_not_vouch_for_is_not_kept(
    word: object, forger: Forger, client: Client, settings: Settings
) -> None:
    settings.ALICE_REGISTRATION = "open"
    forger.claims = {"email": "dora@id.example", "email_verified": word}
    forger.round_trip(client)
    client.post(WELCOME, {"username": "dora"})
    assert User.objects.get().email == ""


def test_what_the_token_leaves_out_is_asked(
    forger: Forger, client: Client, settings: Settings
) -> None:
    settings.ALICE_REGISTRATION = "open"
    forger.claims = {"preferred_username": None}
    forger.userinfo = {"sub": SUBJECT, "name": "Dora D.", "nickname": "dd"}
    forger.round_trip(client)
    page = client.get(WELCOME).content
    assert b'value="dd"' in page
    assert b"Dora D." in page


@pytest.mark.parametrize("answer", [None, Answer(b"{}", 500)])
def test_what_is_said_of_somebody_else_is_not_believed(
    answer: Answer | None, forger: Forger, client: Client, settings: Settings
) -> None:
    settings.ALICE_REGISTRATION = "open"
    forger.claims = {"preferred_username": None}
    forger.userinfo = {"sub": "another", "nickname": "dd"}
    if answer:
        forger.answers["/userinfo"] = answer
    forger.round_trip(client)
    assert b'value="dd"' not in client.get(WELCOME).content


def test_an_invite_is_needed_where_it_is(
    forger: Forger, client: Client, settings: Settings
) -> None:
    settings.ALICE_REGISTRATION = "invite"
    _, code = invites.make(BY)
    forger.round_trip(client)
    assert client.post(WELCOME, {"username": "dora"}).status_code == 400
    assert client.post(WELCOME, {"username": "dora", "invite": "wrong"}).status_code == 400
    assert client.post(WELCOME, {"username": "dora", "invite": code}).status_code == 302
    assert signed_in(client)


def test_who_must_wait_waits_and_comes_in_when_approved(
    forger: Forger, client: Client, settings: Settings
) -> None:
    settings.ALICE_REGISTRATION = "approval"
    forger.round_trip(client)
    reply = client.post(WELCOME, {"username": "dora", "message": "It is me."})
    row = Registration.objects.get()
    assert reply.headers["Location"] == f"/web/register/{row.pk}"
    assert not signed_in(client)
    # Coming again is not asking again.
    assert forger.round_trip(client).headers["Location"] == f"/web/register/{row.pk}"
    user = registration.approve(row, BY)
    assert not user.has_usable_password()
    assert b"the identity you asked with" in client.get(f"/web/register/{row.pk}").content
    forger.round_trip(client)
    assert client.session["_auth_user_id"] == str(user.pk)


def test_a_guest_is_nobody_without_having_been_there(client: Client, forger: Forger) -> None:
    assert client.get(WELCOME).status_code == 400
    assert client.post(WELCOME, {"username": "dora"}).status_code == 400


def test_a_name_that_is_taken_is_told_at_the_field(
    alice: User, forger: Forger, client: Client, settings: Settings
) -> None:
    settings.ALICE_REGISTRATION = "open"
    forger.round_trip(client)
    reply = client.post(WELCOME, {"username": "Alice"})
    assert reply.status_code == 400
    assert b'aria-invalid="true"' in reply.content
    assert OpenIdentity.objects.count() == 0


def test_the_same_guest_in_two_windows_gets_one_account(forger: Forger, settings: Settings) -> None:
    settings.ALICE_REGISTRATION = "open"
    one, two = Client(), Client()
    forger.round_trip(one)
    forger.round_trip(two)
    one.post(WELCOME, {"username": "dora"})
    assert two.post(WELCOME, {"username": "dora2"}).status_code == 400
    assert User.objects.count() == 1


def test_a_locked_address_stays_locked(hers: Client, forger: Forger, settings: Settings) -> None:
    AccessAttempt.objects.create(
        username="x",
        ip_address="127.0.0.1",
        failures_since_start=settings.AXES_FAILURE_LIMIT,
        attempt_time=timezone.now(),
    )
    reply = Client().get("/web/login/openid")
    assert reply.status_code == 429
    assert int(reply.headers["Retry-After"]) > 60


def test_a_failing_provider_locks_nobody_out(forger: Forger, client: Client) -> None:
    forger.answers["/token"] = Answer(b"{}", 500)
    for _ in range(12):
        forger.round_trip(client)
    assert AccessAttempt.objects.count() == 0


def test_the_session_is_another_one_afterwards(dora: User, forger: Forger, client: Client) -> None:
    state = forger.depart(client)["state"]
    before = client.session.session_key
    forger.arrive(client, state)
    assert client.session.session_key != before


# The second factor


def test_the_second_factor_is_asked_all_the_same(
    app: AuthenticatorApp, forger: Forger, client: Client
) -> None:
    assert forger.round_trip(client).headers["Location"] == "/web/login/second-factor"
    assert not signed_in(client)
    client.post("/web/login/second-factor", {"code": code_of(app)})
    assert signed_in(client)
    entry = AuditEntry.objects.get(action="login")
    assert entry.detail == {"means": "openid", "second_factor": True}


def test_staff_without_a_required_factor_reach_nothing_else(
    dora: User, forger: Forger, client: Client, settings: Settings
) -> None:
    settings.ALICE_REQUIRE_STAFF_TOTP = True
    User.objects.update(is_staff=True)
    forger.round_trip(client)
    reply = client.get("/web/administration/users")
    assert reply.headers["Location"] == "/web/account/second-factor"


# Linking and unlinking


def test_linking_asks_whether_it_is_the_right_one(
    alice: User, forger: Forger, client: Client
) -> None:
    client.force_login(alice)
    reply = forger.round_trip(client, "/web/account/openid/begin")
    assert reply.headers["Location"] == "/web/account/openid/link"
    assert OpenIdentity.objects.count() == 0
    assert b"<strong>dora</strong>" in client.get("/web/account/openid/link").content
    client.post("/web/account/openid/link")
    assert OpenIdentity.objects.get().user == alice
    assert actions()[-1] == "openid_linked"
    assert client.post("/web/account/openid/link").status_code == 400


def test_linking_needs_a_recent_proof(alice: User, forger: Forger, client: Client) -> None:
    client.force_login(alice)
    grow_old(client)
    reply = client.get("/web/account/openid/begin")
    assert reply.headers["Location"] == "/web/account/openid/link"
    assert client.get("/web/account/openid/link").headers["Location"].startswith(CONFIRM)


def test_what_alice_began_bob_does_not_end(
    alice: User, bob: User, forger: Forger, client: Client
) -> None:
    client.force_login(alice)
    state = forger.depart(client, "/web/account/openid/begin")["state"]
    client.force_login(bob)
    assert forger.arrive(client, state).status_code == 400


def test_an_identity_of_somebody_s_is_not_given_away(
    dora: User, alice: User, forger: Forger, client: Client
) -> None:
    client.force_login(alice)
    forger.round_trip(client, "/web/account/openid/begin")
    assert client.post("/web/account/openid/link").status_code == 400
    assert OpenIdentity.objects.get().user == dora


def test_linking_twice_is_once(alice: User, forger: Forger) -> None:
    for _ in range(2):
        identities.link(alice, Claims(SUBJECT, "dora"), BY)
    assert actions() == ["openid_linked"]


def test_a_rejected_request_leaves_its_identity_to_its_owner(alice: User, forger: Forger) -> None:
    row = Registration.objects.create(username="dora", status="rejected")
    OpenIdentity.objects.create(issuer=forger.issuer, subject=SUBJECT, registration=row)
    identities.link(alice, Claims(SUBJECT, "dora"), BY)
    assert OpenIdentity.objects.get().user == alice


def test_a_waiting_request_keeps_its_identity(alice: User, forger: Forger) -> None:
    row = Registration.objects.create(username="dora")
    OpenIdentity.objects.create(issuer=forger.issuer, subject=SUBJECT, registration=row)
    with pytest.raises(Invalid, match="belongs to another account"):
        identities.link(alice, Claims(SUBJECT, "dora"), BY)


def test_the_last_way_in_stays(hers: Client, dora: User) -> None:
    identity = OpenIdentity.objects.get()
    hers.post(f"/web/account/openid/{identity.pk}/unlink")
    assert b"This is your only way in" in hers.get(SECURITY).content
    assert OpenIdentity.objects.count() == 1


def test_with_a_password_it_goes(hers: Client, dora: User) -> None:
    dora.set_password("a lake at dawn 7")
    dora.save()
    hers.force_login(dora)
    identity = OpenIdentity.objects.get()
    hers.post(f"/web/account/openid/{identity.pk}/unlink")
    assert OpenIdentity.objects.count() == 0
    assert actions()[-1] == "openid_unlinked"


def test_an_identity_of_a_former_provider_is_no_way_in(hers: Client, dora: User) -> None:
    OpenIdentity.objects.create(issuer="https://id.example", subject="old", user=dora)
    page = hers.get(SECURITY).content
    assert b"opens nothing any more" in page
    identity = OpenIdentity.objects.get(subject=SUBJECT)
    with pytest.raises(Invalid, match="only way in"):
        identities.unlink(identity, dora, BY)


@pytest.mark.django_db(transaction=True)
def test_of_two_last_ones_one_stays(dora: User, forger: Forger) -> None:
    OpenIdentity.objects.create(issuer=forger.issuer, subject="second", user=dora)
    rows = list(OpenIdentity.objects.all())
    done, refused = at_once(*[lambda row=row: identities.unlink(row, dora, BY) for row in rows])
    assert (len(done), refused) == (1, ["last_way_in"])
    assert OpenIdentity.objects.count() == 1


def test_others_identities_are_not_there(hers: Client, alice: User, forger: Forger) -> None:
    row = OpenIdentity.objects.create(issuer=forger.issuer, subject="a", user=alice)
    assert hers.post(f"/web/account/openid/{row.pk}/unlink").status_code == 404


# Proving once more


def test_the_provider_proves_who_has_no_password(hers: Client, forger: Forger) -> None:
    grow_old(hers)
    assert hers.get("/web/account/password").headers["Location"].startswith(CONFIRM)
    page = hers.get(f"{CONFIRM}?next=/web/account/password").content.decode()
    assert "Confirm with House" in page
    sent = forger.depart(hers, "/web/confirm/openid", next="/web/account/password")
    assert (sent["prompt"], sent["max_age"]) == ("login", "0")
    assert forger.arrive(hers, sent["state"]).headers["Location"] == "/web/account/password"
    assert hers.get("/web/account/password").status_code == 200


@pytest.mark.parametrize("at", [None, 1_700_000_000, 4_000_000_000, "now"])
def test_an_old_proof_is_none(at: object, hers: Client, forger: Forger) -> None:
    grow_old(hers)
    forger.claims = {"auth_time": at}
    assert forger.round_trip(hers, "/web/confirm/openid").status_code == 403
    assert hers.get("/web/account/password").headers["Location"].startswith(CONFIRM)


def test_somebody_else_s_proof_is_none(hers: Client, alice: User, forger: Forger) -> None:
    grow_old(hers)
    OpenIdentity.objects.create(issuer=forger.issuer, subject="a", user=alice)
    forger.claims = {"sub": "a"}
    assert forger.round_trip(hers, "/web/confirm/openid").status_code == 403
    assert hers.get("/web/account/password").headers["Location"].startswith(CONFIRM)


def test_a_code_is_asked_after_the_proof_and_not_instead(
    dora: User, app: AuthenticatorApp, forger: Forger, client: Client
) -> None:
    client.force_login(dora)
    grow_old(client)
    assert client.post(CONFIRM, {"code": code_of(app)}).status_code == 403
    reply = forger.round_trip(client, "/web/confirm/openid", next="/web/account/password")
    assert reply.headers["Location"] == f"{CONFIRM}?next=%2Fweb%2Faccount%2Fpassword"
    assert client.get("/web/account/password").headers["Location"].startswith(CONFIRM)
    assert client.post(reply.headers["Location"], {"code": code_of(app)}).status_code == 302
    assert client.get("/web/account/password").status_code == 200


def test_a_first_password_is_set_and_then_opens(hers: Client, dora: User) -> None:
    form = {"new_password1": "a lake at dawn 7", "new_password2": "a lake at dawn 7"}
    assert hers.post("/web/account/password", form).headers["Location"] == SECURITY
    assert signed_in(hers)
    door = Client()
    door.post("/web/login", {"username": "dora", "password": "a lake at dawn 7"})
    assert signed_in(door)


def test_a_first_password_must_be_a_good_one(hers: Client, dora: User) -> None:
    form = {"new_password1": "12345678", "new_password2": "12345678"}
    assert hers.post("/web/account/password", form).status_code == 400
    dora.refresh_from_db()
    assert not dora.has_usable_password()


# Where there is none


@pytest.mark.parametrize(
    "path",
    ["/web/login/openid", "/web/login/openid/callback", WELCOME, "/web/confirm/openid",
     "/web/account/openid/begin", "/web/account/openid/link"],
)  # fmt: skip
def test_without_a_provider_nothing_is_there(path: str, alice: User, client: Client) -> None:
    client.force_login(alice)
    assert client.get(path).status_code == 404


def test_the_button_is_there_with_a_provider_only(
    forger: Forger, client: Client, settings: Settings
) -> None:
    page = client.get("/web/login?next=/web/gallery?a=1%26b=2").content.decode()
    assert "/web/login/openid?next=%2Fweb%2Fgallery%3Fa%3D1%26b%3D2" in page
    settings.ALICE_OIDC_LABEL = ""
    assert "Sign in with 127.0.0.1" in client.get("/web/login").content.decode()
    settings.ALICE_OIDC_ISSUER = ""
    assert "/web/login/openid" not in client.get("/web/login").content.decode()


def test_with_authentication_off_nothing_is_linked(
    forger: Forger, client: Client, settings: Settings
) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    assert client.get("/web/account/openid/link").status_code == 404
