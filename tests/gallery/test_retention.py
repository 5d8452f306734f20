"""What retention deletes, what it only unshares, and what it never touches."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditEntry, Usage, User
from gallery import alone, curating, retention, storage
from gallery.alone import AtWork
from gallery.models import Image
from tests.gallery.conftest import Keep

DAY = 24 * 3600.0
Shared = Callable[..., Image]


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def left() -> set[Image]:
    return set(Image.objects.all())


@pytest.fixture
def ended(keep: Keep) -> Shared:
    """ended(owner, **fields) -> a picture whose share is over."""
    hour_ago = timezone.now() - timedelta(hours=1)
    return lambda owner, **fields: keep(owner, is_public=True, public_until=hour_ago, **fields)


def test_nothing_is_deleted_where_no_rule_is_set(alice: User, keep: Keep) -> None:
    old = keep(alice, age=4000 * DAY)
    assert retention.totals(retention.clean()) == {
        "deleted": 0, "unshared": 0, "freedBytes": 0, "complete": True,
    }  # fmt: skip
    assert left() == {old}


def test_the_end_of_a_share_keeps_the_picture(alice: User, ended: Shared) -> None:
    image = ended(alice)
    retention.clean()
    image.refresh_from_db()
    assert (image.is_public, image.public_until, image.state) == (False, None, "stored")


def test_a_share_that_lasts_goes_on(alice: User, keep: Keep) -> None:
    later = timezone.now() + timedelta(hours=1)
    image = keep(alice, is_public=True, public_until=later)
    forever = keep(alice, is_public=True, public_until=None)
    retention.clean()
    assert set(Image.objects.filter(is_public=True)) == {image, forever}


def test_expired_public_pictures_go_where_the_operator_says_so(
    alice: User, ended: Shared, images_dir: Path, settings: Settings
) -> None:
    settings.ALICE_DELETE_EXPIRED_PUBLIC = True
    ended(alice)
    kept = ended(alice, keep=True)
    [rule, *_] = retention.clean()
    assert (rule.deleted, rule.unshared) == (1, 1)
    kept.refresh_from_db()
    assert not kept.is_public
    assert files(images_dir) == {kept.file, kept.thumbnail}


def test_age_takes_the_old_and_leaves_the_young_and_the_kept(
    alice: User, keep: Keep, settings: Settings
) -> None:
    settings.ALICE_RETENTION_DAYS = 7
    keep(alice, age=8 * DAY, favourite=True)
    spared = {keep(alice, age=6 * DAY), keep(alice, age=8 * DAY, keep=True)}
    retention.clean()
    assert left() == spared


def test_people_choose_for_their_own_pictures_alone(alice: User, bob: User, keep: Keep) -> None:
    retention.set_days(alice, 3)
    keep(alice, age=4 * DAY)
    spared = {keep(alice, age=2 * DAY), keep(bob, age=4 * DAY), keep(alice, age=4 * DAY, keep=True)}
    retention.clean()
    assert left() == spared


def test_the_shorter_of_both_rules_wins(alice: User, bob: User, settings: Settings) -> None:
    settings.ALICE_RETENTION_DAYS = 7
    retention.set_days(alice, 30)
    retention.set_days(bob, 2)
    assert (retention.effective_days(alice), retention.effective_days(bob)) == (7, 2)
    retention.set_days(bob, None)
    assert retention.effective_days(bob) == 7


def test_a_longer_wish_does_not_outlast_the_servers_rule(
    alice: User, keep: Keep, settings: Settings
) -> None:
    settings.ALICE_RETENTION_DAYS = 7
    retention.set_days(alice, 30)
    keep(alice, age=8 * DAY)
    retention.clean()
    assert left() == set()


def test_the_oldest_go_until_the_rest_fits(alice: User, keep: Keep, settings: Settings) -> None:
    kept = keep(alice, age=9 * DAY, keep=True)
    oldest, old, young = (keep(alice, age=days * DAY) for days in (8, 7, 6))
    room = kept.size_bytes + young.size_bytes + old.size_bytes // 2
    settings.ALICE_RETENTION_GB = room / retention.GIGABYTE
    *_, rule = retention.clean()
    assert left() == {kept, young}
    assert rule.freed_bytes == oldest.size_bytes + old.size_bytes


def test_want_of_room_takes_nothing_of_the_last_hour(
    alice: User, keep: Keep, settings: Settings
) -> None:
    settings.ALICE_RETENTION_GB = 1e-9
    fresh = keep(alice, age=60)
    keep(alice, age=2 * 3600)
    retention.clean()
    assert left() == {fresh}


def test_more_than_a_batch_goes_in_one_run(
    alice: User, keep: Keep, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "BATCH", 3)
    settings.ALICE_RETENTION_DAYS = 1
    moment = timezone.now() - timedelta(days=2)
    for _ in range(8):
        keep(alice, created_at=moment)
    assert retention.totals(retention.clean())["deleted"] == 8
    assert left() == set()


def test_deleted_pictures_are_no_longer_charged(
    alice: User, keep: Keep, settings: Settings
) -> None:
    settings.ALICE_RETENTION_DAYS = 1
    sizes = [keep(alice, age=2 * DAY).size_bytes for _ in range(2)]
    spared = keep(alice)
    stored = sum(sizes) + spared.size_bytes
    Usage.objects.update_or_create(
        user=alice, defaults={"stored_images": 3, "stored_bytes": stored}
    )
    retention.clean()
    usage = Usage.objects.get(user=alice)
    assert (usage.stored_images, usage.stored_bytes) == (1, spared.size_bytes)


def test_a_dry_run_says_the_same_and_does_nothing(
    alice: User, bob: User, keep: Keep, ended: Shared, settings: Settings, images_dir: Path
) -> None:
    settings.ALICE_RETENTION_DAYS = 30
    settings.ALICE_DELETE_EXPIRED_PUBLIC = True
    retention.set_days(alice, 3)
    ended(alice, age=40 * DAY)
    ended(bob, keep=True)
    for owner in (alice, bob):
        for days in (1, 5, 40):
            keep(owner, age=days * DAY)
    settings.ALICE_RETENTION_GB = 2.5 * Image.objects.first().size_bytes / retention.GIGABYTE  # type: ignore[union-attr] # just made
    before = files(images_dir), left()
    said = retention.clean(dry_run=True)
    assert (files(images_dir), left()) == before
    assert not AuditEntry.objects.filter(action="gallery_cleaned").exists()
    assert retention.clean() == said
    assert [(rule.deleted, rule.unshared) for rule in said] == [(1, 1), (2, 0), (1, 0), (2, 0)]


def test_a_dry_run_counts_what_an_interrupted_deletion_gives_back(
    alice: User, keep: Keep, settings: Settings
) -> None:
    """The real run finishes it first, and then has less to delete."""
    images = [keep(alice, age=number * DAY) for number in (3, 2, 1)]
    storage.hide(images[0])
    settings.ALICE_RETENTION_GB = 2.5 * images[0].size_bytes / retention.GIGABYTE
    said = retention.clean(dry_run=True)
    assert said == retention.clean()
    assert left() == set(images[1:])


def test_what_was_done_is_audited_once(alice: User, keep: Keep, settings: Settings) -> None:
    settings.ALICE_RETENTION_DAYS = 1
    keep(alice, age=2 * DAY)
    retention.clean()
    retention.clean()
    [entry] = AuditEntry.objects.filter(action="gallery_cleaned")
    assert entry.detail["rules"]["age"]["deleted"] == 1


def test_a_picture_marked_in_the_last_moment_stays(
    alice: User, keep: Keep, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALICE_RETENTION_DAYS = 1
    image, other = keep(alice, age=2 * DAY), keep(alice, age=2 * DAY)
    hide = storage.hide_all

    def late(chosen: object) -> list[Image]:
        curating.set_keep(image, on=True)
        return hide(chosen)  # type: ignore[arg-type] # passed on as it came

    monkeypatch.setattr(storage, "hide_all", late)
    retention.clean()
    image.refresh_from_db()
    assert image.state == Image.State.STORED
    assert other not in left()


def test_a_run_out_of_time_says_so_and_the_next_goes_on(
    alice: User, keep: Keep, settings: Settings
) -> None:
    settings.ALICE_RETENTION_DAYS = 1
    keep(alice, age=2 * DAY)
    assert retention.totals(retention.clean(seconds=-1))["complete"] is False
    assert retention.totals(retention.clean()) | {"freedBytes": 0} == {
        "deleted": 1, "unshared": 0, "freedBytes": 0, "complete": True,
    }  # fmt: skip


def test_an_earlier_interrupted_deletion_is_finished(
    alice: User, keep: Keep, images_dir: Path
) -> None:
    keep(alice, state=Image.State.DELETING)
    retention.clean()
    assert (left(), files(images_dir)) == (set(), set())


@pytest.fixture
def held() -> Iterator[None]:
    """Another process, or what is the same to a lock: a thread with a connection of its own."""
    ready, done = threading.Event(), threading.Event()

    def hold() -> None:
        with alone.alone("cleanup"):
            ready.set()
            done.wait(30)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait(30)
    yield
    done.set()
    thread.join(30)


@pytest.mark.django_db(transaction=True)
def test_two_cleanups_never_run_at_once(images_dir: Path, held: None) -> None:
    with pytest.raises(AtWork) as caught:
        retention.clean()
    assert (caught.value.status, caught.value.code) == (503, "cleanup_running")


@pytest.mark.django_db
def test_the_next_cleanup_may_run_when_one_is_over(images_dir: Path) -> None:
    retention.clean()
    retention.clean()
    assert not connection.needs_rollback


def test_the_command_says_what_each_rule_did(
    alice: User, keep: Keep, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ALICE_RETENTION_DAYS = 1
    keep(alice, age=2 * DAY)
    call_command("cleanup_images", "--dry-run")
    call_command("cleanup_images")
    said = capsys.readouterr().out
    assert "Older than ALICE_RETENTION_DAYS: 1 would be deleted" in said
    assert "Older than ALICE_RETENTION_DAYS: 1 deleted" in said
    assert left() == set()
