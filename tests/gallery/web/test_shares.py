"""The page of shares: mine with their ends, and those of others."""

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from accounts.models import User
from gallery.models import Image
from gallery.web import shares
from tests.gallery.conftest import Asked, Keep

SHARES = "/web/gallery/shares"


def seeds(client: Client, part: str) -> list[int]:
    return [image.seed for image in client.get(SHARES).context[part].images]


def test_nothing_shared_says_how(hers: Client) -> None:
    page = hers.get(SHARES).content.decode()
    assert "Share a picture from its page" in page
    assert "Nobody shares anything" in page


def test_mine_and_theirs_are_kept_apart(hers: Client, alice: User, bob: User, keep: Keep) -> None:
    keep(alice, seed=1, is_public=True), keep(alice, seed=2)
    keep(bob, seed=3, is_public=True), keep(bob, seed=4)
    assert (seeds(hers, "mine"), seeds(hers, "others")) == ([1], [3])


def test_a_share_that_has_ended_is_not_listed(hers: Client, alice: User, keep: Keep) -> None:
    keep(alice, is_public=True, public_until=timezone.now() - timedelta(seconds=1))
    assert seeds(hers, "mine") == []


def test_an_end_is_shown_and_can_be_moved(hers: Client, alice: User, keep: Keep) -> None:
    end = timezone.now() + timedelta(hours=3)
    image = keep(alice, is_public=True, public_until=end)
    assert f"{end:%H:%M} UTC" in hers.get(SHARES).content.decode()
    sent = {"public": "1", "hours": "24", "next": SHARES}
    assert hers.post(f"/web/gallery/{image.pk}/share", sent).headers["Location"] == SHARES
    moved = Image.objects.get().public_until
    assert moved is not None
    assert moved > end + timedelta(hours=20)


def test_many_shares_are_leafed_through(hers: Client, alice: User, keep: Keep) -> None:
    for age in range(shares.OWN + 1):
        keep(alice, seed=age, age=age, is_public=True)
    cursor = hers.get(SHARES).context["mine"].cursor
    rest = hers.get(SHARES, {"cursor": cursor}).context["mine"]
    assert ([image.seed for image in rest.images], rest.cursor) == ([shares.OWN], None)


def test_the_page_asks_as_much_for_many_shares_as_for_one(
    hers: Client, alice: User, bob: User, keep: Keep, asked: Asked
) -> None:
    hers.get(SHARES)
    keep(alice, is_public=True), keep(bob, is_public=True)
    for_one = asked(SHARES)
    for _ in range(4):
        keep(alice, is_public=True), keep(bob, is_public=True)
    assert asked(SHARES) == for_one
