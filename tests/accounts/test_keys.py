from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts import keys
from accounts.local import local_user
from accounts.models import ApiKey, AuditEntry, User
from accounts.problems import Forbidden, Invalid, Missing, Problem


def minted(user: User) -> str:
    return keys.mint(user, "test", ["generate", "read"])[1]


def test_key_has_its_published_shape(alice: User) -> None:
    key, secret = keys.mint(alice, "laptop", ["read", "generate"])
    assert len(secret) == len("sk-alice-") + 8 + 32 + 6
    assert secret.startswith(f"sk-alice-{key.prefix}")
    assert key.scopes == ["generate", "read"]


def test_secret_is_never_stored(alice: User) -> None:
    key, secret = keys.mint(alice, "laptop", ["read"])
    row = ApiKey.objects.filter(pk=key.pk).values().get()
    assert secret not in str(row)
    assert secret[17:49] not in str(row)


def test_verify_finds_the_owner_in_one_query(alice: User) -> None:
    secret = minted(alice)
    keys.verify(secret)
    with CaptureQueriesContext(connection) as queries:
        key = keys.verify(secret)
        assert key is not None
        assert key.user == alice
    assert len(queries) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s[:-1],
        lambda s: s + "0",
        lambda s: s.swapcase(),
        lambda s: s.replace("sk-alice-", "sk-olive-"),
        lambda s: s[:20] + ("A" if s[20] != "A" else "B") + s[21:],
        lambda s: s + "\n",
        lambda s: s[:12] + "é" + s[13:],
        lambda s: "",
        lambda s: "sk-alice-",
        lambda s: "x" * 100_000,
    ],
)
def test_damaged_key_opens_nothing_and_asks_nothing(
    alice: User, spoil: Callable[[str], str]
) -> None:
    secret = minted(alice)
    with CaptureQueriesContext(connection) as queries:
        assert keys.verify(spoil(secret)) is None
    assert len(queries) == 0


def test_well_formed_key_of_nobody_opens_nothing(alice: User) -> None:
    assert keys.verify(keys._new_secret()) is None


def test_right_prefix_with_wrong_secret_opens_nothing(alice: User) -> None:
    secret, other = minted(alice), keys._new_secret()
    forged = secret[:17] + other[17:49]
    assert keys.verify(forged + keys._checksum(forged)) is None


def test_expired_key_opens_nothing(alice: User) -> None:
    key, secret = keys.mint(alice, "old", ["read"], timezone.now() + timedelta(days=1))
    assert keys.verify(secret) is not None
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())
    assert keys.verify(secret) is None


def test_revoked_key_opens_nothing_on_the_next_request(alice: User) -> None:
    key, secret = keys.mint(alice, "lost", ["read"])
    keys.revoke(key)
    assert keys.verify(secret) is None


def test_revoking_twice_keeps_the_first_time(alice: User) -> None:
    key, _ = keys.mint(alice, "lost", ["read"])
    keys.revoke(key)
    first = key.revoked_at
    keys.revoke(key)
    assert first is not None
    assert key.revoked_at == first


def test_key_of_a_deactivated_user_opens_nothing(alice: User) -> None:
    secret = minted(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert keys.verify(secret) is None


def test_use_is_noted_once_a_minute(alice: User) -> None:
    key, secret = keys.mint(alice, "busy", ["read"])
    keys.verify(secret)
    key.refresh_from_db()
    first = key.last_used_at
    keys.verify(secret)
    key.refresh_from_db()
    assert first is not None
    assert key.last_used_at == first


def test_use_is_noted_again_after_a_minute(alice: User) -> None:
    key, secret = keys.mint(alice, "busy", ["read"])
    earlier = timezone.now() - timedelta(seconds=61)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=earlier)
    keys.verify(secret)
    key.refresh_from_db()
    assert key.last_used_at is not None
    assert key.last_used_at > earlier


@pytest.mark.parametrize("scopes", [["generate", "root"], ["*"]])
def test_unknown_scope_is_refused(alice: User, scopes: list[str]) -> None:
    with pytest.raises(Invalid, match="Unknown scope") as caught:
        keys.mint(alice, "x", scopes)
    assert caught.value.param == "scopes"


@pytest.mark.parametrize(("name", "scopes"), [("", ["read"]), ("  ", ["read"]), ("x", [])])
def test_name_and_scopes_are_required(alice: User, name: str, scopes: list[str]) -> None:
    with pytest.raises(Missing):
        keys.mint(alice, name, scopes)


@pytest.mark.parametrize("name", ["x" * 101, "a\nb", "a\x00b"])
def test_bad_name_is_refused(alice: User, name: str) -> None:
    with pytest.raises(Invalid, match="name"):
        keys.mint(alice, name, ["read"])


@pytest.mark.parametrize("scope", ["models", "admin"])
def test_staff_scope_needs_staff(alice: User, staff: User, scope: str) -> None:
    with pytest.raises(Forbidden, match="staff"):
        keys.mint(alice, "x", [scope])
    assert keys.mint(staff, "x", [scope])[0].scopes == [scope]


def test_expiry_in_the_past_is_refused(alice: User) -> None:
    with pytest.raises(Invalid, match="past"):
        keys.mint(alice, "x", ["read"], timezone.now())


def test_local_user_holds_no_key(db: None) -> None:
    with pytest.raises(Invalid, match="cannot hold"):
        keys.mint(local_user(), "x", ["read"])


def test_inactive_user_gets_no_key(alice: User) -> None:
    alice.is_active = False
    with pytest.raises(Invalid, match="cannot hold"):
        keys.mint(alice, "x", ["read"])
    assert not ApiKey.objects.exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's way to forbid writing")
@pytest.mark.django_db(transaction=True)
def test_key_opens_while_the_database_cannot_be_written(
    alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    key, secret = keys.mint(alice, "test", ["read"])
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
        try:
            assert keys.verify(secret) == key
        finally:
            cursor.execute("PRAGMA query_only = OFF")
    assert key.prefix in caplog.text
    assert secret[17:] not in caplog.text


@pytest.mark.parametrize("limit", [0, -1, 100_001])
def test_a_limit_out_of_range_is_refused(alice: User, limit: int) -> None:
    with pytest.raises(Invalid, match="rateLimit"):
        keys.mint(alice, "x", ["read"], rate_limit=limit)


def test_only_staff_goes_above_the_usual_limit(
    alice: User, staff: User, settings: Settings
) -> None:
    settings.ALICE_KEY_RATE_LIMIT = 60
    assert keys.rate_of(keys.mint(alice, "x", ["read"])[0]) == 60
    assert keys.rate_of(keys.mint(alice, "x", ["read"], rate_limit=59)[0]) == 59
    assert keys.rate_of(keys.mint(staff, "x", ["read"], rate_limit=61)[0]) == 61
    with pytest.raises(Forbidden, match="staff"):
        keys.mint(alice, "x", ["read"], rate_limit=61)


def test_a_successor_lives_as_long_as_its_key_was_to(alice: User) -> None:
    end = timezone.now() + timedelta(days=90)
    key, _ = keys.mint(alice, "x", ["read"], end)
    new, _ = keys.rotate(key)
    assert key.expires_at is not None
    assert key.expires_at < end
    assert new.expires_at is not None
    assert new.expires_at - new.created_at == pytest.approx(
        end - key.created_at, abs=timedelta(seconds=1)
    )


def test_an_overlap_never_prolongs_a_key(alice: User) -> None:
    end = timezone.now() + timedelta(hours=1)
    key, _ = keys.mint(alice, "x", ["read"], end)
    keys.rotate(key, timedelta(hours=168))
    assert key.expires_at == end


@pytest.mark.parametrize("ended", ["revoked_at", "expires_at"])
def test_a_key_that_has_ended_cannot_be_rotated(alice: User, ended: str) -> None:
    key, _ = keys.mint(alice, "x", ["read"])
    ApiKey.objects.filter(pk=key.pk).update(**{ended: timezone.now()})
    with pytest.raises(Invalid) as caught:
        keys.rotate(key)
    assert caught.value.code == "key_ended"
    assert ApiKey.objects.count() == 1


def test_a_key_has_one_live_successor(alice: User) -> None:
    key, _ = keys.mint(alice, "x", ["read"])
    first, _ = keys.rotate(key)
    with pytest.raises(Invalid, match="already") as caught:
        keys.rotate(key)
    assert caught.value.code == "key_rotated"
    keys.revoke(first)
    assert keys.rotate(key)[0] == key.successor


@pytest.mark.parametrize("days", [None, 90])
def test_a_second_rotation_after_a_lost_secret_shortens_no_life(
    alice: User, days: int | None
) -> None:
    key, _ = keys.mint(
        alice, "x", ["read"], timezone.now() + timedelta(days=days) if days else None
    )
    lost, _ = keys.rotate(key)
    keys.revoke(lost)
    again, _ = keys.rotate(key)
    life = again.expires_at - again.created_at if again.expires_at else None
    assert life == (pytest.approx(timedelta(days=days), abs=timedelta(seconds=5)) if days else None)


def test_who_is_staff_no_more_cannot_renew_a_staff_key(staff: User) -> None:
    key, _ = keys.mint(staff, "x", ["admin"])
    User.objects.filter(pk=staff.pk).update(is_staff=False)
    with pytest.raises(Forbidden, match="staff"):
        keys.rotate(key)
    assert ApiKey.objects.get().expires_at is None


@pytest.mark.django_db(transaction=True)
def test_of_many_who_rotate_at_once_one_does(alice: User) -> None:
    key, _ = keys.mint(alice, "x", ["read"])
    together = Barrier(6)

    def attempt(_: int) -> str:
        together.wait()
        try:
            keys.rotate(ApiKey.objects.get(pk=key.pk))
        except Problem as refused:
            return refused.code
        finally:
            connections.close_all()
        return "rotated"

    with ThreadPoolExecutor(6) as pool:
        told = sorted(pool.map(attempt, range(6)))
    assert told == ["key_rotated"] * 5 + ["rotated"]
    assert ApiKey.objects.count() == 2


def test_revoking_twice_is_written_down_once(alice: User) -> None:
    key, _ = keys.mint(alice, "x", ["read"])
    keys.revoke(key)
    keys.revoke(key)
    assert AuditEntry.objects.filter(action="key_revoked").count() == 1
