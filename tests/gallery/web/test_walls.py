"""The address of a wall says which pictures are on it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from gallery import albums, queries
from gallery.models import Image, Tag
from tests.gallery.conftest import Keep

WALL = "/web/gallery"


def seeds(client: Client, **words: str | list[str]) -> set[int]:
    return {image.seed for image in client.get(WALL, words).context["wall"].images}


@pytest.fixture
def furnished(alice: User, bob: User, keep: Keep) -> None:
    """Five pictures, each different in one way; 5 is bob's."""
    day = 86400
    keep(alice, seed=1, prompt="a red boat")
    two = keep(alice, seed=2, model="sd/other", favourite=True)
    keep(alice, seed=3, is_public=True, age=3 * day)
    keep(alice, seed=4, width=128, height=96)
    keep(bob, seed=5, is_public=True)
    keep(bob, seed=6)
    for name in ("night", "boats"):
        Tag.objects.create(image=two, name=name)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({}, {1, 2, 3, 4}),
        ({"q": "RED"}, {1}),
        ({"q": "boat"}, {1, 2}),
        ({"tag": "night"}, {2}),
        ({"tag": ["Night ", "boats"]}, {2}),
        ({"tag": ["night", "none"]}, set()),
        ({"model": "sd/other"}, {2}),
        ({"size": "128x96"}, {4}),
        ({"favourite": "1"}, {2}),
        ({"whose": "private"}, {1, 2, 4}),
        ({"whose": "shared"}, {3}),
        ({"whose": "others"}, {5}),
        ({"q": "boat", "favourite": "1"}, {2}),
        ({"unknown": "word"}, {1, 2, 3, 4}),
    ],
)
@pytest.mark.usefixtures("furnished")
def test_each_word_narrows(
    hers: Client, words: dict[str, str | list[str]], found: set[int]
) -> None:
    assert seeds(hers, **words) == found


@pytest.mark.usefixtures("furnished")
def test_a_day_counts_from_its_first_moment_to_its_last(hers: Client) -> None:
    day = (timezone.now() - timedelta(days=3)).date().isoformat()
    assert seeds(hers, since=day, until=day) == {3}


@pytest.mark.usefixtures("furnished")
def test_staff_see_no_private_picture_on_their_wall(staff: User) -> None:
    client = Client()
    client.force_login(staff)
    assert seeds(client) == set()
    assert seeds(client, whose="others") == {3, 5}


@pytest.mark.parametrize(
    "words",
    [
        {"whose": "everybody"}, {"since": "yesterday"}, {"until": "9999-12-31"}, {"size": "big"},
        {"size": "1x2x3"}, {"q": "x" * 201}, {"tag": [f"t{n}" for n in range(21)]}, {"tag": "a\x00b"},
        {"model": "\x00"},
    ],
)  # fmt: skip
def test_a_word_that_no_form_sends_is_refused(
    hers: Client, words: dict[str, str | list[str]]
) -> None:
    assert hers.get(WALL, words).status_code == 400


def test_a_tag_is_found_in_any_spelling(hers: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    Tag.objects.create(image=image, name="caf\u00e9")
    found = hers.get(WALL, {"tag": "CAFE\u0301"}).context["wall"]
    assert (found.images, found.asked.tags) == ([image], ("caf\u00e9",))


@pytest.mark.usefixtures("furnished")
def test_a_chip_adds_its_tag_and_takes_it_away(hers: Client) -> None:
    chips = hers.get(WALL, {"q": "serene", "tag": "night"}).context["wall"].chips
    assert [(chip.name, chip.chosen, chip.address) for chip in chips] == [
        ("night", True, "?q=serene"),
        ("boats", False, "?q=serene&tag=night&tag=boats"),
    ]


def test_the_commonest_tags_come_first(hers: Client, alice: User, keep: Keep) -> None:
    for names in (("rare", "common"), ("common",)):
        image = keep(alice)
        Tag.objects.bulk_create([Tag(image=image, name=name) for name in names])
    chips = hers.get(WALL).context["wall"].chips
    assert [(chip.name, chip.count) for chip in chips] == [("common", 2), ("rare", 1)]


def test_what_is_being_deleted_is_neither_counted_nor_offered(
    hers: Client, alice: User, keep: Keep
) -> None:
    gone = keep(alice, model="sd/gone", state=Image.State.DELETING)
    for image in (keep(alice), gone):
        Tag.objects.create(image=image, name="night")
    wall = hers.get(WALL).context["wall"]
    assert [(chip.name, chip.count) for chip in wall.chips] == [("night", 1)]
    assert "sd/gone" not in wall.models


def test_in_a_larger_gallery_tags_are_of_the_newest_and_uncounted(
    hers: Client, alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.web.walls.RECENT", 1)
    for age in (0, 1):
        Tag.objects.create(image=keep(alice, age=age), name=f"age {age}")
    chips = hers.get(WALL).context["wall"].chips
    assert [(chip.name, chip.count) for chip in chips] == [("age 0", None)]


@pytest.mark.usefixtures("furnished")
def test_the_form_offers_what_there_is_and_what_was_chosen(hers: Client) -> None:
    wall = hers.get(WALL, {"model": "gone"}).context["wall"]
    assert wall.models == ["gone", "sd/demo", "sd/other"]
    assert wall.sizes == [(64, 64), (128, 96)]


def test_the_next_page_asks_the_same(
    hers: Client, alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.web.walls.PAGE_SIZE", 1)
    keep(alice, seed=1, favourite=True), keep(alice, seed=2, age=9)
    keep(alice, seed=3, age=10, favourite=True)
    older = hers.get(WALL, {"favourite": "1"}).context["wall"].older
    assert [i.seed for i in hers.get(WALL + older).context["wall"].images] == [3]


def test_nothing_found_says_so_and_leads_back(hers: Client, alice: User, keep: Keep) -> None:
    keep(alice)
    page = hers.get(WALL, {"q": "elsewhere"}).content.decode()
    assert "No picture matches" in page
    assert "Clear the filters" in page


def test_a_search_that_is_not_through_does_not_say_that_nothing_matches(
    hers: Client, alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WINDOW", "SECONDS", "STEP"):
        monkeypatch.setattr(queries, name, 0)
    keep(alice, prompt="else", age=1), keep(alice, prompt="else", age=2)
    keep(alice, prompt="zq", age=3, seed=7)
    reply = hers.get(WALL, {"q": "zq"})
    assert "Nothing found so far" in reply.content.decode()
    assert "No picture matches" not in reply.content.decode()
    further = hers.get(WALL + reply.context["wall"].older)
    assert [image.seed for image in further.context["wall"].images] == [7]


def test_an_album_is_a_wall_with_filters_of_its_own(
    hers: Client, alice: User, bob: User, keep: Keep
) -> None:
    album = albums.make_album(alice, "Mixed")
    inside = [keep(alice, seed=1, prompt="a boat"), keep(bob, seed=2, is_public=True)]
    albums.add_to_album(album, [*inside, keep(bob, seed=3)])
    keep(alice, seed=4)
    address = f"{WALL}/albums/{album.pk}"
    assert {i.seed for i in hers.get(address).context["wall"].images} == {1, 2}
    found = hers.get(address, {"q": "boat"}).context["wall"]
    assert [i.seed for i in found.images] == [1]
