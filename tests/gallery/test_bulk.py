import uuid
from functools import partial
from pathlib import Path

import pytest

from accounts.audit import Action as Deed
from accounts.audit import Source
from accounts.models import AuditEntry, User
from accounts.problems import Invalid
from gallery import bulk, curating, sharing
from gallery.bulk import Action
from gallery.errors import StorageDown
from gallery.models import Image
from tests.accounts.conftest import at_once
from tests.gallery.conftest import Keep


def outcomes(user: User, images: list[Image], action: Action, **more: object) -> list[str]:
    ids = [image.pk for image in images]
    found = bulk.apply(user, ids, action, Source(user), **more)  # type: ignore[arg-type]  # of each test's own
    assert [outcome.id for outcome in found] == ids
    return [outcome.status for outcome in found]


@pytest.mark.parametrize("action", Action)
def test_nothing_is_done_to_what_is_anothers(
    alice: User, bob: User, keep: Keep, action: Action
) -> None:
    private, public, own = keep(alice), keep(alice, is_public=True), keep(bob)
    before = list(Image.objects.filter(owner=alice).order_by("pk").values())
    said = outcomes(bob, [private, public, own], action, tags=["x"])
    assert said == ["not_found", "forbidden", "done"]
    assert list(Image.objects.filter(owner=alice).order_by("pk").values()) == before


def test_marks_and_their_ends(alice: User, keep: Keep) -> None:
    images = [keep(alice), keep(alice)]
    for action in (Action.FAVOURITE, Action.KEEP, Action.SHARE):
        assert outcomes(alice, images, action, hours=2) == ["done", "done"]
    assert Image.objects.filter(favourite=True, keep=True, is_public=True).count() == 2
    for action in (Action.UNFAVOURITE, Action.UNKEEP, Action.UNSHARE):
        outcomes(alice, images, action)
    assert Image.objects.filter(favourite=False, keep=False, is_public=False).count() == 2


def test_share_is_written_down_for_each(alice: User, keep: Keep) -> None:
    outcomes(alice, [keep(alice), keep(alice)], Action.SHARE)
    entries = AuditEntry.objects.filter(action=Deed.PRIVACY_CHANGED, actor_id=alice.pk)
    assert entries.count() == 2


def test_one_with_too_many_tags_leaves_the_others_tagged(alice: User, keep: Keep) -> None:
    full, free = keep(alice), keep(alice)
    curating.set_tags(full, [f"t{number}" for number in range(20)])
    assert outcomes(alice, [full, free], Action.TAG, tags=["new"]) == ["failed", "done"]
    assert full.tags.count() == 20
    assert [tag.name for tag in free.tags.all()] == ["new"]
    assert outcomes(alice, [full, free], Action.UNTAG, tags=["t0", "new"]) == ["done", "done"]
    assert (full.tags.count(), free.tags.count()) == (19, 0)


def test_delete_takes_rows_and_files(alice: User, keep: Keep, images_dir: Path) -> None:
    images = [keep(alice) for _ in range(3)]
    assert outcomes(alice, images[:2], Action.DELETE) == ["done", "done"]
    assert list(Image.objects.all()) == images[2:]
    assert len(list(images_dir.rglob("*.png"))) == 1


def test_a_store_that_fails_keeps_what_it_could_not_delete_hidden(
    alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = keep(alice)

    def down(kept: object) -> None:
        raise StorageDown("away", retry_after=5)

    monkeypatch.setattr("gallery.storage.remove_files", down)
    assert outcomes(alice, [image], Action.DELETE) == ["failed"]
    assert not sharing.visible_to(Image.objects.get(), alice)


def test_staff_ends_shares_and_deletes_but_marks_nothing(
    alice: User, staff: User, keep: Keep
) -> None:
    image = keep(alice, is_public=True)
    said = {
        action: outcomes(staff, [image], action, tags=["x"])[0]
        for action in (*[a for a in Action if a is not Action.DELETE], Action.DELETE)
    }
    allowed = {Action.UNSHARE, Action.DELETE}
    assert {action for action, status in said.items() if status == "done"} == allowed
    assert set(said.values()) == {"done", "forbidden"}
    (entry,) = AuditEntry.objects.filter(action=Deed.PICTURE_DELETED)
    assert (entry.actor_name, entry.target_id) == ("carol", str(image.pk))


def test_an_id_given_twice_is_done_once(alice: User, keep: Keep) -> None:
    image = keep(alice)
    found = bulk.apply(alice, [image.pk, image.pk], Action.DELETE, Source(alice))
    assert [outcome.status for outcome in found] == ["done"]


@pytest.mark.parametrize(
    ("count", "more", "param"),
    [
        (0, {"action": Action.DELETE}, "ids"),
        (201, {"action": Action.DELETE}, "ids"),
        (1, {"action": Action.SHARE, "hours": 169}, "expiresInHours"),
        (1, {"action": Action.TAG}, "tags"),
        (1, {"action": Action.TAG, "tags": ["a,b"]}, "tags"),
    ],
)
def test_a_wish_that_makes_no_sense_does_nothing(
    alice: User, count: int, more: dict[str, object], param: str
) -> None:
    ids = [uuid.uuid4() for _ in range(count)]
    with pytest.raises(Invalid) as caught:
        bulk.apply(alice, ids, by=Source(alice), **more)  # type: ignore[arg-type]  # each case's own
    assert caught.value.param == param


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("action", [Action.SHARE, Action.TAG, Action.DELETE])
def test_two_who_choose_the_same_pictures_do_not_wait_for_each_other(
    alice: User, keep: Keep, action: Action
) -> None:
    ids = [keep(alice).pk for _ in range(40)]
    one = partial(bulk.apply, alice, ids, action, Source(alice), tags=["x"])
    other = partial(bulk.apply, alice, ids[::-1], action, Source(alice), tags=["x"])
    done, refused = at_once(one, other)
    assert (len(done), refused) == (2, [])


def test_a_deletion_is_written_down_with_the_deed_and_once(
    alice: User, staff: User, keep: Keep, images_dir: Path
) -> None:
    image = keep(alice)
    (images_dir / image.file).unlink()
    (images_dir / image.file).mkdir()
    for _ in range(2):
        assert outcomes(staff, [image], Action.DELETE) == ["failed"]
    (images_dir / image.file).rmdir()
    assert outcomes(staff, [image], Action.DELETE) == ["done"]
    assert AuditEntry.objects.filter(action=Deed.PICTURE_DELETED).count() == 1
