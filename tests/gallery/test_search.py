"""Search finds the same by walking and by either engine's text index."""

import uuid

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from accounts.problems import Invalid
from gallery import curating, queries, search, text_index
from gallery.models import Image, Tag
from gallery.places import Place, Start
from gallery.queries import Filter
from gallery.text_index import postgresql
from tests.gallery.test_queries import NOW, rows

TEXTS = [
    "a red Boat on the sea",
    "ein ÄPFELBAUM im Garten",
    "夜の風景、山と湖",
    'quotes " and % and _ and \\',
    "AND OR NOT NEAR(*) col:x",
    "",
]
WORDS = [
    "boat", "BOAT", "oat", "äpfel", "Äpfel", "風景", "夜の風景", "山", '" and', "% and _", "\\",
    "_ and", "NEAR(*)", "col:x", "not there", "a", "ed", "garten", "*", "- -", "^",
]  # fmt: skip


def found(user: User, text: str) -> set[uuid.UUID]:
    page = queries.page_of(user, limit=200, wanted=Filter(search=text))
    return {image.pk for image in page.images}


@pytest.fixture
def everything_is_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a gallery so large that nothing is found by walking."""
    monkeypatch.setattr(queries, "WINDOW", 0)


@pytest.fixture
def written(alice: User) -> dict[uuid.UUID, str]:
    made = [rows(alice, 1, prompt=text)[0] for text in TEXTS]
    return {image.pk: image.prompt for image in made}


@pytest.mark.parametrize("word", WORDS)
def test_walking_finds_a_text_in_any_case(
    alice: User, written: dict[uuid.UUID, str], word: str
) -> None:
    expected = {key for key, text in written.items() if word.lower() in text.lower()}
    assert found(alice, word) == expected


@pytest.mark.usefixtures("everything_is_many")
@pytest.mark.parametrize("word", WORDS)
def test_the_text_index_finds_the_same(
    alice: User, written: dict[uuid.UUID, str], word: str
) -> None:
    expected = {key for key, text in written.items() if word.lower() in text.lower()}
    assert found(alice, word) == expected
    named = search.ids_of(word, 100)
    assert named is None if len(word) < 3 else set(named or ()) >= expected


@pytest.mark.usefixtures("everything_is_many")
def test_tags_are_searched_too(alice: User) -> None:
    image, other = rows(alice, 2)
    curating.set_tags(image, ["Winterlandschaft"])
    curating.set_tags(other, ["summer"])
    assert found(alice, "terland") == {image.pk}
    assert set(search.ids_of("terland", 10) or ()) == {image.pk}


def test_the_index_follows_every_change(alice: User) -> None:
    first, second = rows(alice, 2, prompt="zeppelin")
    Tag.objects.create(image=second, name="zeppelins")

    def named() -> set[uuid.UUID]:
        return set(search.ids_of("zeppelin", 10) or ())

    assert named() == {first.pk, second.pk}
    Image.objects.filter(pk=second.pk).update(prompt="balloon")
    assert named() == {first.pk, second.pk}
    Tag.objects.update(name="gas")
    assert named() == {first.pk}
    first.delete()
    assert named() == set()
    Tag.objects.all().delete()
    assert search.ids_of("gas", 10) == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's own tables")
def test_nothing_is_left_in_the_index_of_what_is_gone(alice: User) -> None:
    for image in rows(alice, 3, prompt="a zeppelin"):
        curating.set_tags(image, ["flying"])
    alice.delete()
    with connection.cursor() as cursor:
        for table in ("gallery_prompt_text", "gallery_tag_text"):
            cursor.execute(f"INSERT INTO {table}({table}) VALUES('integrity-check')")
            cursor.execute(f'SELECT count(*) FROM {table} WHERE {table} MATCH \'"fly" OR "zep"\'')
            assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM gallery_prompt")
        assert cursor.fetchone() == (0,)


def test_more_than_asked_for_are_no_few(alice: User) -> None:
    rows(alice, 4, prompt="zeppelin")
    assert search.ids_of("zeppelin", 3) is None
    assert len(search.ids_of("zeppelin", 4) or ()) == 4


@pytest.mark.usefixtures("everything_is_many")
def test_search_works_without_the_index(alice: User) -> None:
    wanted = rows(alice, 3, prompt="zeppelin")
    text_index.remove(connection)
    assert search.ids_of("zeppelin", 10) is None
    assert found(alice, "ZEPPELIN") == {image.pk for image in wanted}


def test_what_was_written_without_the_index_is_found_with_it(alice: User) -> None:
    text_index.remove(connection)
    (image,) = rows(alice, 1, prompt="zeppelin")
    curating.set_tags(image, ["flying"])
    # PostgreSQL indexes no table with checks outstanding, as an unfinished transaction has.
    connection.check_constraints()
    text_index.begin(connection)
    assert search.ids_of("zeppelin", 10) == search.ids_of("flying", 10) == [image.pk]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's indexes stay")
def test_a_lost_trigger_is_made_again(alice: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER gallery_prompt_added")
    (image,) = rows(alice, 1, prompt="zeppelin")
    text_index.repair(using="default")
    assert search.ids_of("zeppelin", 10) == [image.pk]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's rights")
def test_a_server_that_refuses_the_extension_is_no_failure(
    alice: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    text_index.remove(connection)
    monkeypatch.setattr(postgresql, "EXTENSION", "CREATE EXTENSION no_such_extension")
    text_index.begin(connection)
    assert "without a text index" in caplog.text
    rows(alice, 1, prompt="zeppelin")
    assert len(found(alice, "zeppelin")) == 1


@pytest.mark.django_db(transaction=True)
def test_flushing_empties_the_index_too(alice: User) -> None:
    rows(alice, 1, prompt="zeppelin")
    call_command("flush", interactive=False, verbosity=0)
    assert text_index.whole(connection)
    assert search.ids_of("zeppelin", 10) == []


@pytest.mark.parametrize(("window", "many"), [(0, 100), (4, 100), (0, 3), (100, 3)])
def test_pages_of_a_search_give_every_picture_once(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch, window: int, many: int
) -> None:
    mine = rows(alice, 9, prompt="zeppelin")
    theirs = rows(bob, 9, prompt="zeppelin", age=0.5, is_public=True)
    rows(alice, 9, prompt="balloon", age=0.25)
    expected = sorted(mine + theirs, key=lambda image: image.created_at, reverse=True)
    monkeypatch.setattr(queries, "WINDOW", window)
    monkeypatch.setattr(queries, "MANY", many)
    assert walked(alice, "ZEPP", 4) == expected


def walked(user: User, text: str, limit: int) -> list[Image]:
    seen, cursor = [], None
    while True:
        page = queries.page_of(user, cursor, limit, wanted=Filter(search=text))
        seen += page.images
        cursor = page.cursor
        if cursor is None:
            return seen


@pytest.mark.parametrize("far", [0, 1, 3, 100])
@pytest.mark.parametrize("tied", [False, True])
def test_a_search_no_index_helps_goes_on_from_page_to_page(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch, far: int, tied: bool
) -> None:
    monkeypatch.setattr(queries, "WINDOW", 1)
    monkeypatch.setattr(queries, "SECONDS", 0)
    monkeypatch.setattr(queries, "STEP", far)
    mine = rows(alice, 3, prompt="zq", age=20)
    theirs = rows(bob, 3, prompt="zq", age=20.5, is_public=True)
    rows(alice, 12, prompt="else")
    rows(bob, 12, prompt="else", age=0.5, is_public=True)
    if tied:
        Image.objects.update(created_at=NOW)
    found = walked(alice, "zq", 4)
    assert len(found) == 6
    assert set(found) == {*mine, *theirs}
    order = [(image.created_at, image.pk) for image in found]
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize("offset", [1, 2, 4, 5])
@pytest.mark.parametrize("far", [0, 1, 3, 100])
def test_an_offset_is_passed_over_from_page_to_page(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch, far: int, offset: int
) -> None:
    monkeypatch.setattr(queries, "WINDOW", 0)
    monkeypatch.setattr(queries, "SECONDS", 0)
    monkeypatch.setattr(queries, "STEP", far)
    rows(alice, 5, prompt="else")
    mine = rows(alice, 2, prompt="zq", age=10)
    theirs = rows(bob, 2, prompt="zq", age=20, is_public=True)
    rows(alice, 5, prompt="else", age=30)
    wanted = Filter(search="zq")
    page = queries.page_of(alice, limit=1, offset=offset, wanted=wanted)
    seen = page.images
    while page.cursor:
        page = queries.page_of(alice, page.cursor, 1, wanted=wanted)
        seen += page.images
    assert seen == (mine + theirs)[offset:]


def test_a_far_offset_of_a_search_reads_no_longer_than_a_page(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "WINDOW", 1)
    monkeypatch.setattr(queries, "SECONDS", 0)
    monkeypatch.setattr(queries, "STEP", 1)
    rows(alice, 40, prompt="zq")
    with CaptureQueriesContext(connection) as asked:
        page = queries.page_of(alice, limit=5, offset=30, wanted=Filter(search="zq"))
    assert page.images == []
    assert len(asked) < 12
    assert page.cursor is not None
    assert Start.parse(page.cursor, 0).skip < 30


def test_an_offset_is_not_passed_over_twice(alice: User) -> None:
    (image,) = rows(alice, 1)
    cursor = Place(image.created_at, image.pk).cursor(3)
    with pytest.raises(Invalid) as caught:
        queries.page_of(alice, cursor, offset=1)
    assert caught.value.param == "offset"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(prompt=st.text(max_size=30), start=st.integers(0, 29), length=st.integers(1, 10))
def test_any_piece_of_a_prompt_finds_it(alice: User, prompt: str, start: int, length: int) -> None:
    prompt = prompt.replace("\x00", "")
    piece = prompt[start : start + length]
    if not piece or piece.lower() not in prompt.lower():
        return
    (image,) = rows(alice, 1, prompt=prompt)
    assert image.pk in found(alice, piece)
    image.delete()
