"""Forms on the page of a picture: its owner's, and nobody else's."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from gallery import albums, curating
from gallery.models import Image
from tests.gallery.conftest import Keep


def page_of(image: Image) -> str:
    return f"/web/gallery/{image.pk}"


def names(image: Image) -> list[str]:
    return [tag.name for tag in image.tags.all()]


@pytest.mark.parametrize("mark", ["favourite", "keep"])
def test_a_mark_is_set_and_taken_away(hers: Client, alice: User, keep: Keep, mark: str) -> None:
    image = keep(alice)
    for value in ("1", "0"):
        assert hers.post(f"{page_of(image)}/mark", {mark: value}).headers["Location"] == page_of(
            image
        )
        image.refresh_from_db()
        assert getattr(image, mark) is (value == "1")


def test_one_mark_leaves_the_other(hers: Client, alice: User, keep: Keep) -> None:
    image = keep(alice, keep=True)
    hers.post(f"{page_of(image)}/mark", {"favourite": "1"})
    image.refresh_from_db()
    assert (image.favourite, image.keep) == (True, True)


def test_tags_come_with_commas_between_and_go_one_by_one(
    hers: Client, alice: User, keep: Keep
) -> None:
    image = keep(alice)
    hers.post(f"{page_of(image)}/tags", {"add": "Night, boats,, night "})
    assert names(image) == ["boats", "night"]
    hers.post(f"{page_of(image)}/tags", {"remove": "night"})
    assert names(image) == ["boats"]


def test_a_tag_that_is_too_long_is_refused_in_words(hers: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    page = hers.post(f"{page_of(image)}/tags", {"add": "x" * 51}, follow=True)
    assert "notice-error" in page.content.decode()
    assert names(image) == []


def test_sharing_lasts_as_long_as_was_said(hers: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    hers.post(f"{page_of(image)}/share", {"public": "1", "hours": "24"})
    image.refresh_from_db()
    assert image.public_until is not None
    assert abs(image.public_until - timezone.now() - timedelta(hours=24)) < timedelta(minutes=1)
    assert AuditEntry.objects.get(action="privacy_changed").actor_name == "alice"


def test_a_share_is_a_week_unless_said_otherwise(hers: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    hers.post(f"{page_of(image)}/share", {"public": "1"})
    image.refresh_from_db()
    assert image.public_until is not None
    assert image.public_until > timezone.now() + timedelta(hours=167)


def test_a_share_ends_at_once(hers: Client, his: Client, alice: User, keep: Keep) -> None:
    image = keep(alice, is_public=True)
    assert his.get(page_of(image)).status_code == 200
    hers.post(f"{page_of(image)}/share", {"public": "0"})
    assert his.get(page_of(image)).status_code == 404


@pytest.mark.parametrize("hours", ["0", "169", "-1", "1e3", "week", "9" * 50])
def test_hours_that_are_none_share_nothing(
    hers: Client, alice: User, keep: Keep, hours: str
) -> None:
    image = keep(alice)
    page = hers.post(f"{page_of(image)}/share", {"public": "1", "hours": hours}, follow=True)
    image.refresh_from_db()
    assert not image.is_public
    assert "notice-error" in page.content.decode()


def test_a_picture_goes_into_an_album_and_out(hers: Client, alice: User, keep: Keep) -> None:
    image, album = keep(alice), albums.make_album(alice, "Best")
    hers.post(f"{page_of(image)}/albums", {"add": str(album.pk)})
    assert list(album.images.all()) == [image]
    hers.post(f"{page_of(image)}/albums", {"remove": str(album.pk)})
    assert list(album.images.all()) == []


def test_a_new_album_is_made_around_a_picture(hers: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    hers.post(f"{page_of(image)}/albums", {"make": "First"})
    assert alice.albums.get().images.get() == image


def test_what_others_share_can_be_kept_in_an_album(
    his: Client, alice: User, bob: User, keep: Keep
) -> None:
    image, album = keep(alice, is_public=True), albums.make_album(bob, "Seen")
    his.post(f"{page_of(image)}/albums", {"add": str(album.pk)})
    assert list(album.images.all()) == [image]


def test_the_album_of_another_takes_nothing(
    his: Client, alice: User, bob: User, keep: Keep
) -> None:
    image, album = keep(bob), albums.make_album(alice, "Hers")
    reply = his.post(f"{page_of(image)}/albums", {"add": str(album.pk)})
    assert reply.status_code == 404
    assert not album.images.exists()


@pytest.mark.parametrize("deed", ["mark", "tags", "share"])
@pytest.mark.parametrize("shared", [True, False])
def test_a_picture_of_another_is_absent_for_every_form(
    his: Client, alice: User, keep: Keep, deed: str, shared: bool
) -> None:
    image = keep(alice, is_public=shared)
    curating.set_tags(image, ["night"])
    sent = {"favourite": "1", "remove": "night", "public": "0"}
    assert his.post(f"{page_of(image)}/{deed}", sent).status_code == 404
    image.refresh_from_db()
    assert (image.favourite, image.is_public, names(image)) == (False, shared, ["night"])


def test_staff_have_no_owner_s_powers_on_pages(staff: User, alice: User, keep: Keep) -> None:
    client, image = Client(), keep(alice)
    client.force_login(staff)
    assert client.post(f"{page_of(image)}/share", {"public": "1"}).status_code == 404


@pytest.mark.parametrize("deed", ["mark", "tags", "albums", "share"])
def test_a_form_needs_its_token_and_a_picture(hers: Client, alice: User, deed: str) -> None:
    assert hers.post(f"/web/gallery/{uuid4()}/{deed}").status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(f"/web/gallery/{uuid4()}/{deed}").status_code == 403


@pytest.mark.parametrize("deed", ["mark", "tags", "albums", "share"])
def test_following_a_link_changes_nothing(hers: Client, alice: User, keep: Keep, deed: str) -> None:
    assert hers.get(f"{page_of(keep(alice))}/{deed}").status_code == 405


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example/web/", "javascript:x", ""]
)
def test_a_form_leads_only_to_our_own_pages(
    hers: Client, alice: User, keep: Keep, wanted: str
) -> None:
    image = keep(alice)
    reply = hers.post(f"{page_of(image)}/mark", {"keep": "1", "next": wanted})
    assert reply.headers["Location"] == page_of(image)


def test_a_form_leads_back_to_where_it_was(hers: Client, alice: User, keep: Keep) -> None:
    sent = {"public": "0", "next": "/web/gallery/shares"}
    reply = hers.post(f"{page_of(keep(alice))}/share", sent)
    assert reply.headers["Location"] == "/web/gallery/shares"
