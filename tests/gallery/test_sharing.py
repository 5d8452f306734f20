import base64
import re
import string
import time
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.signing import Signer
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditEntry, User
from accounts.problems import Invalid, NotFound
from gallery import retention, sharing, storage
from gallery.models import Image
from tests.gallery.conftest import Keep


def token_of(image: Image) -> str:
    return sharing.link(image).removeprefix("/images/").removesuffix(".png")


def test_link_opens_its_picture(alice: User, keep: Keep) -> None:
    image = keep(alice)
    keep(alice)
    assert sharing.open_link(token_of(image)) == image


def test_link_is_a_file_name_without_query(alice: User, keep: Keep) -> None:
    assert re.fullmatch(r"/images/[A-Za-z0-9_.-]+\.png", sharing.link(keep(alice)))


@pytest.mark.parametrize(("fmt", "end"), [("png", ".png"), ("jpeg", ".jpg"), ("webp", ".webp")])
def test_link_ends_in_its_format(alice: User, keep: Keep, fmt: str, end: str) -> None:
    link = sharing.link(keep(alice), fmt, "http://10.0.0.5:8080/")
    assert link.startswith("http://10.0.0.5:8080/images/")
    assert link.endswith(end)


def test_signature_has_at_least_128_bits(alice: User, keep: Keep) -> None:
    signature = token_of(keep(alice)).rpartition(".")[2]
    assert len(base64.urlsafe_b64decode(signature + "=")) * 8 >= 128


def test_any_changed_character_closes_the_link(alice: User, keep: Keep) -> None:
    token = token_of(keep(alice))
    for at, old in enumerate(token):
        new = "A" if old != "A" else "B"
        assert sharing.named_by(token[:at] + new + token[at + 1 :]) is None


@pytest.mark.parametrize("token", ["", ".", "..", "x.y", "é", "A" * 32, "\x00", "/" * 99])
def test_nonsense_opens_nothing(db: None, token: str) -> None:
    assert sharing.open_link(token) is None
    assert sharing.named_by(token) is None


def test_expired_link_opens_nothing(
    alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    image = keep(alice)
    token = token_of(image)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + settings.ALICE_LINK_SECONDS - 2)
    assert sharing.open_link(token) == image
    monkeypatch.setattr(time, "time", lambda: now + settings.ALICE_LINK_SECONDS + 1)
    assert sharing.open_link(token) is None
    assert sharing.named_by(token) == image


@pytest.mark.parametrize("public", [True, False])
def test_change_of_privacy_closes_earlier_links(alice: User, keep: Keep, public: bool) -> None:
    image = keep(alice)
    token = token_of(image)
    sharing.set_privacy(image, public=public)
    assert sharing.open_link(token) is None
    assert sharing.open_link(token_of(image)) == image


def test_link_of_a_deleted_picture_opens_nothing(alice: User, keep: Keep) -> None:
    image = keep(alice)
    token = token_of(image)
    storage.delete(image)
    assert sharing.named_by(token) is None


def test_link_of_a_picture_being_deleted_opens_nothing(alice: User, keep: Keep) -> None:
    image = keep(alice, state=Image.State.DELETING)
    assert sharing.open_link(token_of(image)) is None


def test_rotated_secret_key_keeps_links_alive(alice: User, keep: Keep, settings: Settings) -> None:
    image = keep(alice)
    token, former = token_of(image), settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = string.ascii_letters, [former]
    assert sharing.open_link(token) == image
    settings.SECRET_KEY_FALLBACKS = []
    assert sharing.open_link(token) is None


def test_signature_of_another_purpose_opens_nothing(alice: User, keep: Keep) -> None:
    payload = token_of(keep(alice)).partition(".")[0]
    assert sharing.named_by(Signer(salt="elsewhere", sep=".").sign(payload)) is None


def test_private_picture_is_for_owner_and_staff(
    alice: User, bob: User, staff: User, keep: Keep
) -> None:
    image = keep(alice)
    seen = {u: sharing.visible_to(image, u) for u in (alice, bob, staff, None, AnonymousUser())}
    assert [u for u, sees in seen.items() if sees] == [alice, staff]


def test_shared_picture_is_for_everybody(alice: User, bob: User, keep: Keep) -> None:
    image = keep(alice)
    sharing.set_privacy(image, public=True, hours=1)
    assert sharing.visible_to(image, bob)
    assert sharing.visible_to(image, None)


def test_share_ends_by_itself_and_the_picture_stays(alice: User, bob: User, keep: Keep) -> None:
    image = keep(alice, is_public=True, public_until=timezone.now() - timedelta(seconds=1))
    assert not sharing.visible_to(image, bob)
    assert sharing.visible_to(image, alice)


def test_picture_being_deleted_is_for_nobody(alice: User, staff: User, keep: Keep) -> None:
    image = keep(alice, state=Image.State.DELETING, is_public=True)
    assert not any(sharing.visible_to(image, user) for user in (alice, staff, None))


def test_deactivated_owner_sees_nothing(alice: User, keep: Keep) -> None:
    alice.is_active = False
    assert not sharing.visible_to(keep(alice), alice)


@pytest.mark.parametrize("hours", [0, -1, 169, 10**9])
def test_share_lasts_one_to_168_hours(alice: User, keep: Keep, hours: int) -> None:
    image = keep(alice)
    with pytest.raises(Invalid) as caught:
        sharing.set_privacy(image, public=True, hours=hours)
    assert caught.value.param == "expiresInHours"
    assert not Image.objects.get(pk=image.pk).is_public


def test_ending_a_share_forgets_its_expiry(alice: User, keep: Keep) -> None:
    image = keep(alice)
    sharing.set_privacy(image, public=True)
    sharing.set_privacy(image, public=False)
    assert (image.is_public, image.public_until) == (False, None)


def test_links_die_with_the_share_they_were_made_in(alice: User, keep: Keep) -> None:
    image = keep(alice, is_public=True, public_until=timezone.now() + timedelta(minutes=1))
    during = token_of(image)
    assert sharing.open_link(during) == image
    _end_share(image)
    assert sharing.open_link(during) is None


def test_a_link_made_after_the_end_of_a_share_lives_until_the_next_change(
    alice: User, keep: Keep
) -> None:
    image = keep(alice, is_public=True)
    _end_share(image)
    after = token_of(image)
    assert sharing.open_link(after) == image
    retention.clean()
    image.refresh_from_db()
    assert (image.is_public, sharing.open_link(after)) == (False, image)
    for public in (True, False):
        before = token_of(image)
        sharing.set_privacy(image, public=public)
        assert {sharing.open_link(token) for token in (after, before)} == {None}


def test_a_link_made_before_the_sweep_does_not_outlive_a_renewed_share(
    alice: User, keep: Keep
) -> None:
    image = keep(alice, is_public=True)
    _end_share(image)
    between = token_of(image)
    sharing.set_privacy(image, public=True)
    assert sharing.open_link(between) is None


def _end_share(image: Image) -> None:
    image.public_until = timezone.now() - timedelta(seconds=1)
    image.save(update_fields=["public_until"])


def test_what_was_deleted_meanwhile_is_not_shared(alice: User, keep: Keep) -> None:
    image = keep(alice)
    storage.delete(Image.objects.get(pk=image.pk))
    with pytest.raises(NotFound):
        sharing.set_privacy(image, public=True)
    assert not AuditEntry.objects.exists()


def test_token_of_an_unknown_picture_opens_nothing(alice: User, keep: Keep) -> None:
    image = keep(alice)
    image.pk = uuid.uuid4()
    assert sharing.open_link(token_of(image)) is None
