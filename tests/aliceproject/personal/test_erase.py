"""Nothing is left of who was erased, whatever interrupted it; nobody else loses anything."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db.models import ForeignKey
from django.test import Client
from pytest_django import Settings

from accounts import audit, invites, keys, lockout
from accounts.audit import SYSTEM, Source
from accounts.local import local_user
from accounts.models import AuditEntry, Invite, Registration, User
from accounts.problems import Forbidden, Invalid, NotFound
from aliceproject import chores, preparation
from aliceproject.models import Erasure
from aliceproject.personal import erase
from gallery import storage
from gallery.models import Image
from generation import jobs
from generation.models import FairShare, Job
from modelhub import demo_install
from tests.aliceproject.personal.conftest import Furnish, Keep, Submit, Take, files
from tests.conftest import person
from tests.generation.jobs.conftest import stored
from tests.generation.jobs.test_publishing import STAGES

pytestmark = pytest.mark.django_db(transaction=True)


def traces(user_id: int, name: str) -> dict[str, int]:
    """Rows that point to the user, by model, and rows that name him."""
    found = {}
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, ForeignKey) and field.related_model is User:
                found[model.__name__] = model._default_manager.filter(
                    **{field.attname: user_id}
                ).count()
    found["AccessAttempt"] = AccessAttempt.objects.filter(username=lockout.mark(name)).count()
    found["Registration"] = Registration.objects.filter(username=name).count()
    found["FairShare"] = FairShare.objects.filter(name=f"owner {user_id}").count()
    return {model: count for model, count in found.items() if count}


def test_nothing_is_left_and_nobody_else_loses_anything(
    alice: User, bob: User, furnish: Furnish, images_dir: Path
) -> None:
    furnish(alice)
    before = traces(alice.pk, "alice")
    assert {"Image", "Job", "Album", "ApiKey", "Session", "AuthenticatorApp", "Retention"} < set(
        before
    )
    theirs = files(images_dir)
    furnish(bob)
    kept = files(images_dir) - theirs
    erase.start(alice, Source(alice))
    assert traces(alice.pk, "alice") == {}
    assert not User.objects.filter(username="alice").exists()
    assert files(images_dir) == kept
    assert traces(bob.pk, "bob").keys() == before.keys()


def test_the_audit_log_keeps_the_bare_name(alice: User, furnish: Furnish) -> None:
    furnish(alice)
    erase.start(alice, Source(alice, address="192.0.2.7"))
    entry = AuditEntry.objects.get(action="user_erased")
    assert (entry.actor_name, entry.detail, entry.address) == (
        "alice", {"username": "alice"}, "192.0.2.7",
    )  # fmt: skip


def test_keys_sessions_and_invites_open_nothing_from_then_on(
    alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "AT_ONCE", 0)
    keep(alice)
    secret = keys.mint(alice, "laptop", ["read"])[1]
    program, browser = Client(headers={"Authorization": f"Bearer {secret}"}), Client()
    browser.force_login(alice)
    invite, code = invites.make(SYSTEM)
    Invite.objects.filter(pk=invite.pk).update(created_by=alice)
    erase.start(alice, Source(alice))
    assert Erasure.objects.filter(user=alice).exists()
    assert not invites.is_live(code)
    assert program.get("/v1/auth/me").status_code == 401
    assert browser.get("/web/gallery").status_code == 302


def test_open_jobs_end_and_a_worker_that_draws_publishes_nothing(
    alice: User, submit: Submit, take: Take, images_dir: Path
) -> None:
    submit()
    submit()
    claim = take()
    drawn = stored(claim)
    erase.start(alice, Source(alice))
    with pytest.raises(jobs.LeaseLost):
        jobs.publish(claim, [drawn], STAGES)
    assert not Job.objects.exists()
    assert not Image.objects.exists()
    storage.discard(drawn.file)
    assert files(images_dir) == set()


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("step", range(9))
def test_an_erasure_killed_at_any_step_is_finished_by_the_next(
    alice: User, furnish: Furnish, images_dir: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    furnish(alice)
    monkeypatch.setattr(storage, "BATCH", 2)
    steps = iter(range(100))

    def dying(call: Callable[..., object]) -> Callable[..., object]:
        def died(*args: object) -> object:
            if next(steps) == step:
                raise Killed
            return call(*args)

        return died

    with monkeypatch.context() as patch:
        for owner, name in (
            (storage, "hide_all"), (storage, "remove"), (storage, "remove_files"),
            (erase, "end_jobs"), (erase, "_rest"),
        ):  # fmt: skip
            patch.setattr(owner, name, dying(getattr(owner, name)))
        with pytest.raises(Killed):
            erase.start(alice, Source(alice))
    assert traces(alice.pk, "alice")
    chores.erase()
    assert traces(alice.pk, "alice") == {}
    assert files(images_dir) == set()


def test_a_large_gallery_goes_in_the_background_a_slice_at_a_time(
    alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "AT_ONCE", 1)
    for _ in range(3):
        keep(alice)
    erase.start(alice, Source(alice))
    assert Image.objects.count() == 3
    assert not erase.finish(alice.pk, seconds=-1)
    assert erase.finish_all() == 0
    assert not User.objects.filter(pk=alice.pk).exists()


def test_a_store_that_is_away_delays_it(alice: User, keep: Keep, images_dir: Path) -> None:
    image = keep(alice)
    (images_dir / image.file).unlink()
    (images_dir / image.file).mkdir()
    erase.start(alice, Source(alice))
    assert erase.finish_all() == 1
    assert User.objects.filter(pk=alice.pk, is_active=False).exists()
    (images_dir / image.file).rmdir()
    assert erase.finish_all() == 0
    assert not User.objects.filter(pk=alice.pk).exists()


def test_whoever_is_reactivated_by_mistake_is_erased_all_the_same(
    alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "AT_ONCE", 0)
    keep(alice)
    erase.start(alice, Source(alice))
    User.objects.filter(pk=alice.pk).update(is_active=True)
    assert erase.finish(alice.pk)
    assert not User.objects.filter(pk=alice.pk).exists()


def test_twice_is_once(alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erase, "AT_ONCE", 0)
    keep(alice)
    for _ in range(2):
        erase.start(alice, Source(alice))
    assert AuditEntry.objects.filter(action="user_erased").count() == 1


def test_the_last_active_staff_stays(staff: User) -> None:
    with pytest.raises(Invalid) as caught:
        erase.start(staff, Source(staff))
    assert caught.value.code == "last_staff"
    person("dan", "correct horse 4", is_staff=True)
    erase.start(staff, Source(staff))
    assert not User.objects.filter(pk=staff.pk).exists()


def test_the_built_in_user_stays() -> None:
    with pytest.raises(NotFound):
        erase.start(local_user(), audit.SYSTEM)


def test_staff_erase_others_and_nobody_else_does(alice: User, bob: User, staff: User) -> None:
    with pytest.raises(Forbidden):
        erase.start(alice, Source(bob))
    root = User.objects.create(username="root", is_staff=True, is_superuser=True)
    with pytest.raises(Forbidden):
        erase.start(root, Source(staff))
    erase.start(alice, Source(staff))
    assert set(User.objects.all()) == {bob, staff, root}


def test_staff_erase_whom_they_deactivated_on_the_page_of_users(
    alice: User, staff: User, keep: Keep, images_dir: Path
) -> None:
    keep(alice)
    client = Client()
    client.force_login(staff)
    assert b"erase" not in client.get("/web/administration/users?q=alice").content
    User.objects.filter(pk=alice.pk).update(is_active=False)
    path = f"/web/administration/users/{alice.pk}/erase"
    assert path.encode() in client.get("/web/administration/users?q=alice").content
    client.post(path, {"sure": "yes"})
    assert not User.objects.filter(pk=alice.pk).exists()
    assert files(images_dir) == set()


def test_a_user_with_open_jobs_is_deleted_in_the_administration(
    alice: User, submit: Submit, keep: Keep, images_dir: Path
) -> None:
    submit()
    keep(alice)
    root = User.objects.create(username="root", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(root)
    path = f"/admin/accounts/user/{alice.pk}/delete/"
    assert b"Are you sure" in client.get(path).content
    assert client.post(path, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=alice.pk).exists()
    assert files(images_dir) == set()


def test_the_command_asks_and_erases(
    alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch, images_dir: Path
) -> None:
    keep(alice)
    monkeypatch.setattr("builtins.input", lambda _: "bob")
    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("erase_user", "alice")
    monkeypatch.setattr("builtins.input", lambda _: "alice")
    call_command("erase_user", "alice")
    assert not User.objects.filter(username="alice").exists()
    assert files(images_dir) == set()


def test_the_command_erases_nobody_where_nobody_can_be_asked(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(CommandError, match="say --yes"):
        call_command("erase_user", "alice")
    assert User.objects.filter(username="alice").exists()


def test_what_a_stop_interrupted_goes_on_at_the_next_start(
    alice: User, keep: Keep, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "AT_ONCE", 0)
    keep(alice)
    erase.start(alice, Source(alice))
    rung: list[bool] = []
    monkeypatch.setattr(erase, "ring", lambda: rung.append(True))
    monkeypatch.setattr(demo_install, "install", lambda: False)
    preparation.prepare()
    assert rung == [True]
