import pytest

from accounts import audit, keys, telling
from accounts.audit import Action, Source
from accounts.models import AuditEntry, User
from accounts.web.audit import GROUPS


def told(entry: AuditEntry) -> str:
    return telling.sentence(entry, telling.names_of([entry]))


@pytest.mark.parametrize("action", list(Action))
def test_every_action_has_words_and_a_place_in_the_list(action: Action) -> None:
    assert action in telling.SENTENCES
    assert sum(action in group for group in GROUPS.values()) == 1
    assert telling.sentence(AuditEntry(action=action), {}).strip()


def test_people_are_called_by_name(alice: User, staff: User) -> None:
    entry = audit.record(Action.USER_ROLE_CHANGED, Source(staff), alice, staff=True)
    assert told(entry) == "carol made alice staff"


def test_rights_set_in_the_administration_are_no_change_of_role(alice: User, staff: User) -> None:
    entry = audit.record(
        Action.USER_ROLE_CHANGED, Source(staff), alice, changed=["groups", "is_superuser"],
        staff=False, superuser=True,
    )  # fmt: skip
    assert told(entry) == "carol changed the rights of alice: groups, superuser"


def test_who_is_gone_is_called_by_what_was_written(alice: User, staff: User) -> None:
    entry = audit.record(Action.USER_ERASED, Source(staff), alice, username="alice")
    User.objects.filter(pk=alice.pk).delete()
    assert told(entry) == "carol erased alice"


def test_a_key_is_called_by_its_name_and_owner(alice: User) -> None:
    keys.mint(alice, "laptop", ["read"], by=Source(alice))
    assert told(AuditEntry.objects.get()) == "alice made the key “laptop” of alice"


def test_one_query_names_a_whole_page(alice: User, staff: User) -> None:
    made = [audit.record(Action.LOGOUT, Source(u), u, owner=alice.pk) for u in (alice, staff)]
    assert telling.names_of(made) == {alice.pk: "alice", staff.pk: "carol"}


@pytest.mark.django_db
def test_words_of_others_are_no_pattern() -> None:
    entry = audit.record(Action.REGISTRATION_REJECTED, username="{actor.user} %s {0}")
    assert told(entry) == "The server rejected the request of {actor.user} %s {0}"


def test_a_download_is_called_by_what_was_asked_for(staff: User) -> None:
    asked = audit.record(Action.MODEL_DOWNLOAD_ASKED, Source(staff), name="maker/lakes")
    again = audit.record(Action.MODEL_DOWNLOAD_ASKED, Source(staff), name="maker/lakes", again=True)
    assert told(asked) == "carol asked for the model maker/lakes"
    assert told(again) == "carol asked again for the model maker/lakes"
