from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.test import RequestFactory
from pytest_django import Settings

from accounts import keys
from accounts.authentication import Identity, find, identify, require
from accounts.models import LOCAL_USERNAME, ApiKey, User
from accounts.problems import Forbidden, Unauthenticated

Asked = Callable[..., HttpRequest]


@pytest.fixture
def asked(rf: RequestFactory) -> Asked:
    """A request with these headers, from a browser session of `user` if one is given."""

    def make(method: str = "GET", user: User | None = None, **headers: str) -> HttpRequest:
        request = rf.generic(method, "/v1/jobs", headers=headers)
        request.user = user or AnonymousUser()
        return request

    return make


def secret_of(user: User, *scopes: str) -> str:
    return keys.mint(user, "test", scopes or ("generate",))[1]


@pytest.mark.parametrize("header", ["X-Api-Key", "api-key", "x-api-key"])
def test_plain_header_carries_the_key(alice: User, asked: Asked, header: str) -> None:
    identity = identify(asked(**{header: secret_of(alice)}))
    assert (identity.user, identity.session) == (alice, False)


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "Bearer   {} "])
def test_bearer_carries_the_key(alice: User, asked: Asked, form: str) -> None:
    identity = identify(asked(Authorization=form.format(secret_of(alice, "read"))))
    assert identity.user == alice
    assert identity.scopes == {"read"}
    assert identity.key is not None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic "},
        {"X-Api-Key": ""},
        {"X-Api-Key": "  ", "api-key": ""},
    ],
)
def test_empty_credentials_are_anonymous(db: None, asked: Asked, headers: dict[str, str]) -> None:
    assert find(asked(**headers)) is None
    with pytest.raises(Unauthenticated) as caught:
        identify(asked(**headers))
    assert caught.value.headers["WWW-Authenticate"] == "Bearer"


def test_wrong_key_is_refused_even_beside_a_session(alice: User, asked: Asked) -> None:
    with pytest.raises(Unauthenticated, match="invalid"):
        identify(asked(user=alice, Authorization="Bearer sk-wrong"))


def test_bearer_decides_before_the_other_headers(alice: User, bob: User, asked: Asked) -> None:
    headers = {"Authorization": f"Bearer {secret_of(alice)}", "X-Api-Key": secret_of(bob)}
    assert identify(asked(**headers)).user == alice


def test_foreign_scheme_leaves_the_other_headers(alice: User, asked: Asked) -> None:
    headers = {"Authorization": "Basic dXNlcjpwYXNz", "X-Api-Key": secret_of(alice)}
    assert identify(asked(**headers)).user == alice


def test_revoked_key_is_refused(alice: User, asked: Asked) -> None:
    key, secret = keys.mint(alice, "test", ["read"])
    keys.revoke(key)
    with pytest.raises(Unauthenticated):
        identify(asked(Authorization=f"Bearer {secret}"))


def test_losing_staff_takes_the_scopes_from_existing_keys(staff: User, asked: Asked) -> None:
    secret = secret_of(staff, "generate", "models", "admin")
    User.objects.filter(pk=staff.pk).update(is_staff=False)
    assert identify(asked(Authorization=f"Bearer {secret}")).scopes == {"generate"}


def test_session_reads_without_a_token(alice: User, asked: Asked) -> None:
    identity = identify(asked(user=alice))
    assert (identity.session, identity.key) == (True, None)
    assert identity.scopes == {"generate", "read"}


def test_staff_session_holds_every_scope(staff: User, asked: Asked) -> None:
    assert identify(asked(user=staff)).scopes == {"generate", "read", "models", "admin"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_session_cannot_write_without_a_token(alice: User, asked: Asked, method: str) -> None:
    with pytest.raises(Forbidden) as caught:
        identify(asked(method, user=alice))
    assert caught.value.code == "csrf_failed"


def test_session_writes_with_its_token(alice: User, asked: Asked) -> None:
    first = asked(user=alice)
    token = get_token(first)
    second = asked("POST", user=alice, **{"X-CSRFToken": token})
    second.COOKIES["alice-csrf"] = first.META["CSRF_COOKIE"]
    assert identify(second).session


def test_session_write_from_a_foreign_origin_is_refused(alice: User, asked: Asked) -> None:
    first = asked(user=alice)
    headers = {"X-CSRFToken": get_token(first), "Origin": "https://evil.example"}
    second = asked("POST", user=alice, **headers)
    second.COOKIES["alice-csrf"] = first.META["CSRF_COOKIE"]
    with pytest.raises(Forbidden, match="CSRF"):
        identify(second)


def test_key_writes_without_a_token(alice: User, asked: Asked) -> None:
    assert identify(asked("POST", **{"X-Api-Key": secret_of(alice)})).user == alice


def test_deactivated_session_is_nobody(alice: User, asked: Asked) -> None:
    alice.is_active = False
    assert find(asked(user=alice)) is None


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer sk-wrong"}, {"X-Api-Key": "nonsense"}]
)
def test_without_authentication_everybody_is_local(
    db: None, asked: Asked, settings: Settings, headers: dict[str, str]
) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    identity = identify(asked("POST", **headers))
    assert identity.user.username == LOCAL_USERNAME
    assert identity.scopes == {"generate", "read"}
    assert not identity.user.is_staff


def test_without_authentication_staff_still_logs_in(
    alice: User, staff: User, asked: Asked, settings: Settings
) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    assert find(asked(), staff=True) is None
    assert find(asked(**{"X-Api-Key": secret_of(staff, "admin")}), staff=True) is None
    assert identify(asked(user=staff), staff=True).user == staff
    with pytest.raises(Forbidden):
        require(identify(asked(user=alice), staff=True), "admin")


def test_local_user_has_no_session(db: None, asked: Asked) -> None:
    local = User.objects.create_user(LOCAL_USERNAME, password="correct horse 4")
    assert find(asked(user=local)) is None


def test_require_names_the_missing_scope(alice: User) -> None:
    key = ApiKey(user=alice, scopes=["read"])
    identity = Identity(alice, frozenset({"read"}), key, session=False)
    require(identity, "read")
    with pytest.raises(Forbidden, match="'generate'") as caught:
        require(identity, "generate")
    assert (caught.value.status, caught.value.code) == (403, "permission_denied")
