import base64
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import cursors
from accounts.models import User
from accounts.problems import Forbidden, Invalid, NotFound
from gallery import queries
from gallery.models import SHOWN, Image
from gallery.places import LARGEST_OFFSET, Place, Start
from gallery.queries import Filter

NOW = timezone.now()
# What is no moment any more once it is told in UTC.
BEFORE_ALL_TIME = base64.urlsafe_b64encode(
    f"0001-01-01T00:00:00+14:00~{'0' * 32}".encode()
).decode()


def rows(owner: User, count: int, *, age: float = 0, **fields: object) -> list[Image]:
    """Rows alone, a second apart, newest first: queries look at no file."""
    made = [
        Image(
            owner=owner,
            created_at=NOW - timedelta(seconds=age + index),
            file=uuid.uuid4().hex,
            size_bytes=1,
            width=8,
            height=8,
            seed=index,
            **fields,
        )
        for index in range(count)
    ]
    return Image.objects.bulk_create(made)


def walk(user: User, limit: int, wanted: Filter = queries.EVERYTHING) -> list[Image]:
    seen, cursor = [], None
    while True:
        page = queries.page_of(user, cursor, limit, wanted=wanted)
        seen += page.images
        cursor = page.cursor
        if cursor is None:
            return seen


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
def test_pages_give_every_picture_once_newest_first(alice: User, limit: int) -> None:
    mine = rows(alice, 7)
    assert walk(alice, limit) == mine


def test_pictures_of_one_moment_are_not_lost_between_pages(alice: User) -> None:
    mine = rows(alice, 9)
    Image.objects.update(created_at=NOW)
    assert sorted(i.pk for i in walk(alice, 2)) == sorted(i.pk for i in mine)


def test_own_and_shared_pictures_come_in_one_order(alice: User, bob: User) -> None:
    mine = rows(alice, 3, age=0.5)
    theirs = rows(bob, 3, is_public=True)
    rows(bob, 3)
    expected = sorted(mine + theirs, key=lambda i: i.created_at, reverse=True)
    assert walk(alice, 2) == expected


def test_own_shared_picture_comes_once(alice: User) -> None:
    mine = rows(alice, 2, is_public=True)
    assert walk(alice, 1) == mine
    assert queries.count(alice) == 2


def test_ended_share_is_not_shown_to_others(alice: User, bob: User) -> None:
    rows(bob, 1, is_public=True, public_until=timezone.now() - timedelta(seconds=1))
    lasting = rows(bob, 1, is_public=True, public_until=timezone.now() + timedelta(hours=1))
    assert walk(alice, 5) == lasting


def test_staff_sees_all(alice: User, bob: User, staff: User) -> None:
    rows(alice, 2)
    rows(bob, 2, is_public=True)
    assert len(walk(staff, 3)) == queries.count(staff) == 4


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(public=True, private=True), {"mine", "mine shared", "bob shared"}),
        (Filter(public=True, private=False), {"mine shared", "bob shared"}),
        (Filter(public=False, private=True), {"mine"}),
        (Filter(public=False, private=False), set()),
        (Filter(search="MINE"), {"mine", "mine shared"}),
        (Filter(search="private"), set()),
    ],
)
def test_filter_chooses(alice: User, bob: User, wanted: Filter, expected: set[str]) -> None:
    rows(alice, 1, prompt="mine")
    rows(alice, 1, prompt="mine shared", is_public=True)
    rows(bob, 1, prompt="bob private")
    rows(bob, 1, prompt="bob shared", is_public=True)
    assert {image.prompt for image in walk(alice, 10, wanted)} == expected
    assert queries.count(alice, wanted) == len(expected)


def test_picture_being_deleted_is_gone_from_lists(alice: User, staff: User) -> None:
    rows(alice, 1, state=Image.State.DELETING, is_public=True)
    assert walk(alice, 5) == walk(staff, 5) == []


def test_offset_skips(alice: User) -> None:
    mine = rows(alice, 5)
    assert queries.page_of(alice, limit=2, offset=3).images == mine[3:]


@pytest.mark.parametrize("stride", [1, 2, 3, 500])
@pytest.mark.parametrize("wanted", [{}, {"mine": True}, {"others": True}, {"favourite": True}])
def test_an_offset_leaps_over_just_as_many(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, Any], stride: int
) -> None:
    monkeypatch.setattr(queries, "STRIDE", stride)
    rows(alice, 9, age=4, favourite=True)
    rows(alice, 3, age=30)
    rows(bob, 6, age=0.5, is_public=True)
    rows(bob, 6, age=9.5, is_public=True)
    rows(bob, 5)
    every = walk(alice, 200, Filter(**wanted))
    for offset in range(len(every) + 3):
        page = queries.page_of(alice, limit=4, offset=offset, wanted=Filter(**wanted))
        assert page.images == every[offset : offset + 4]
        assert (page.cursor is None) == (offset + 4 >= len(every))


def test_a_far_offset_reads_few_places(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = rows(alice, 40)
    monkeypatch.setattr(queries, "STRIDE", 1)
    whole, read = queries._read, list[Place]()

    def reading(images: QuerySet[Image]) -> list[Place]:
        places = whole(images)
        read.extend(places)
        return places

    monkeypatch.setattr(queries, "_read", reading)
    page = queries.page_of(alice, limit=2, offset=30, wanted=Filter(mine=True))
    assert page.images == mine[30:32]
    assert len(read) < 9


def test_new_picture_does_not_shift_the_next_page(alice: User) -> None:
    mine = rows(alice, 4)
    first = queries.page_of(alice, limit=2)
    rows(alice, 1, age=-100)
    assert queries.page_of(alice, first.cursor, 2).images == mine[2:]


def test_page_takes_four_queries_however_long(alice: User, bob: User) -> None:
    rows(alice, 40)
    rows(bob, 40, is_public=True)
    with CaptureQueriesContext(connection) as asked:
        page = queries.page_of(alice, limit=60)
        assert {image.owner.username for image in page.images} == {"alice", "bob"}
    assert len(asked) == 4


MODEL, SIZE = {"model": "sd/x"}, {"size": (8, 8)}
DATES: dict[str, Any] = {"since": NOW - timedelta(days=9), "until": NOW}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads the words of SQLite's planner")
@pytest.mark.parametrize("before", [None, Place(NOW, uuid.uuid4())])
@pytest.mark.parametrize("narrow", [{}, {"favourite": False}])
@pytest.mark.parametrize(
    ("wanted", "walks", "walks_of_staff"),
    [
        ({}, ["owner", "shared"], ["all"]),
        (MODEL, ["owner_model", "shared_model"], ["model"]),
        (SIZE, ["owner_size", "shared_size"], ["size"]),
        (MODEL | SIZE, ["owner_size", "shared_size"], ["size"]),
        ({"mine": True}, ["owner"], ["owner"]),
        ({"mine": True} | MODEL, ["owner_model"], ["owner_model"]),
        ({"mine": True} | SIZE, ["owner_size"], ["owner_size"]),
        ({"public": False}, ["owner"], ["all"]),
        ({"public": False} | MODEL, ["owner_model"], ["model"]),
        ({"others": True}, ["shared"], ["shared"]),
        ({"others": True} | SIZE, ["shared_size"], ["shared_size"]),
        ({"private": False}, ["shared"], ["shared"]),
        ({"private": False} | MODEL, ["shared_model"], ["shared_model"]),
    ],
)
def test_a_page_is_read_from_one_index_and_no_row_that_is_passed_over(
    alice: User,
    staff: User,
    before: Place | None,
    narrow: dict[str, Any],
    wanted: dict[str, Any],
    walks: list[str],
    walks_of_staff: list[str],
) -> None:
    for user, expected in ((alice, walks), (staff, walks_of_staff)):
        assert used(user, Filter(**wanted, **narrow), before) == expected
        # Between two days it may be another one: each can be read alone.
        assert used(user, Filter(**wanted, **narrow, **DATES), before)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads the words of SQLite's planner")
@pytest.mark.parametrize("more", [{}, DATES, {"public": False}])
def test_favourites_are_walked_alone(alice: User, more: dict[str, Any]) -> None:
    assert used(alice, Filter(favourite=True, **more), None) == ["favourites"]


def used(user: User, wanted: Filter, before: Place | None) -> list[str]:
    """The walk that each part of the pictures takes."""
    found = []
    for part in queries.Quest(user, wanted).parts:
        ahead = queries._ahead(part & SHOWN, before)
        plan = ahead.values_list("created_at", "id")[:51].explain()
        assert "TEMP B-TREE" not in plan
        (walk,) = re.findall(r"gallery_image USING COVERING INDEX walk_(\w+)", plan)
        found.append(walk)
    return found


@pytest.mark.parametrize(
    "cursor", ["x", "====", "é", "MjAyNg", "fg", "MjAyNi0wMS0wMX5mZmY", "A" * 5000, BEFORE_ALL_TIME]
)
def test_foreign_cursor_is_refused(alice: User, cursor: str) -> None:
    with pytest.raises(Invalid) as caught:
        queries.page_of(alice, cursor)
    assert caught.value.param == "cursor"


@pytest.mark.parametrize("skip", ["", "x", "-1", str(LARGEST_OFFSET + 1), "1" * 5000])
def test_a_cursor_passes_over_no_more_than_an_offset_may(alice: User, skip: str) -> None:
    forged = cursors.write(NOW, f"{uuid.uuid4().hex}+{skip}")
    with pytest.raises(Invalid) as caught:
        queries.page_of(alice, forged)
    assert caught.value.param == "cursor"


def test_cursor_without_a_time_zone_is_refused() -> None:
    naive = Place(NOW.replace(tzinfo=None), uuid.uuid4()).cursor()
    with pytest.raises(Invalid):
        Start.parse(naive, 0)


def test_cursor_gives_its_place_back() -> None:
    place = Place(NOW, uuid.uuid4())
    assert Start.parse(place.cursor(), 0) == Start(place)
    assert Start.parse(place.cursor(7), 0) == Start(place, 7)


def test_one_is_the_same_refusal_for_foreign_and_unknown(alice: User, bob: User) -> None:
    foreign, doomed = rows(alice, 1)[0], rows(bob, 1, state=Image.State.DELETING)[0]
    said = []
    for key in (foreign.pk, uuid.uuid4(), doomed.pk):
        with pytest.raises(NotFound) as caught:
            queries.one(bob, key)
        said.append((caught.value.message, caught.value.code, caught.value.param))
    assert len(set(said)) == 1


def test_one_is_shown_to_owner_and_staff(alice: User, staff: User) -> None:
    image = rows(alice, 1)[0]
    assert queries.one(alice, image.pk) == queries.one(staff, image.pk) == image


def test_shared_picture_is_not_for_others_to_delete(alice: User, bob: User) -> None:
    shared, private = rows(alice, 1, is_public=True)[0], rows(alice, 1)[0]
    with pytest.raises(Forbidden):
        queries.deletable(bob, shared.pk)
    with pytest.raises(NotFound):
        queries.deletable(bob, private.pk)


def test_interrupted_deletion_can_be_asked_for_again(alice: User, staff: User) -> None:
    doomed = rows(alice, 1, state=Image.State.DELETING)[0]
    assert queries.deletable(alice, doomed.pk) == queries.deletable(staff, doomed.pk) == doomed
