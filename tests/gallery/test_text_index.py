"""An upgrade only begins the text indexes: they are filled while people write, and found right."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from gallery import search, text_index
from gallery.models import Image, Tag
from gallery.text_index import postgresql, sqlite
from tests.gallery.test_queries import rows
from tests.live import ROOT

only_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite fills in batches")
only_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="PostgreSQL builds without a lock"
)
WORDS = ["zeppelin", "balloon", "glider", "kite"]


def put(chosen: int, word: str, owner: User) -> None:
    image = rows(owner, 1, prompt=f"a {word}", age=chosen)[0]
    Tag.objects.create(image=image, owner=owner, name=f"{word}s")


def reword(chosen: int, word: str, _: User) -> None:
    Image.objects.filter(pk=_one(Image, chosen)).update(prompt=f"another {word}")


def retag(chosen: int, word: str, _: User) -> None:
    Tag.objects.filter(pk=_one(Tag, chosen)).update(name=f"{word} again")


def untag(chosen: int, _: str, __: User) -> None:
    Tag.objects.filter(pk=_one(Tag, chosen)).delete()


def take(chosen: int, _: str, __: User) -> None:
    Image.objects.filter(pk=_one(Image, chosen)).delete()


def go_on(*_: object) -> None:
    sqlite.fill(connection)


DEEDS: list[Callable[[int, str, User], None]] = [put, reword, retag, untag, take, go_on, go_on]


def _one(model: type[Image] | type[Tag], chosen: int) -> Any:
    names = list(model.objects.order_by("pk").values_list("pk", flat=True))
    return names[chosen % len(names)] if names else None


def named(word: str) -> set[uuid.UUID]:
    return set(search.ids_of(word, 10_000) or ())


def holding(word: str) -> set[uuid.UUID]:
    prompts = Image.objects.filter(prompt__contains=word).values_list("pk", flat=True)
    tags = Tag.objects.filter(name__contains=word).values_list("image", flat=True)
    return {*prompts, *tags}


def begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an upgrade leaves a gallery that is far larger than a batch."""
    monkeypatch.setattr(text_index, "AT_ONCE", 0)
    text_index.remove(connection)
    text_index.begin(connection)


@only_sqlite
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    before=st.lists(st.sampled_from(WORDS), max_size=8),
    deeds=st.lists(
        st.tuples(st.sampled_from(DEEDS), st.integers(0, 20), st.sampled_from(WORDS)), max_size=20
    ),
)
def test_whatever_is_written_while_it_fills_is_found(
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    before: list[str],
    deeds: list[tuple[Callable[[int, str, User], None], int, str]],
) -> None:
    monkeypatch.setattr(sqlite, "BATCH", 2)
    Image.objects.all().delete()
    for number, word in enumerate(before):
        put(number, word, alice)
    begun_anew(monkeypatch)
    for deed, chosen, word in deeds:
        deed(chosen, word, alice)
    while sqlite.fill(connection):
        pass
    assert text_index.whole(connection)
    assert {word: named(word) for word in WORDS} == {word: holding(word) for word in WORDS}
    with connection.cursor() as cursor:
        for table in ("gallery_prompt_text", "gallery_tag_text"):
            cursor.execute(f"INSERT INTO {table}({table}, rank) VALUES('integrity-check', 1)")


@pytest.fixture
def on_their_own(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    """Someone with 6,000 pictures, seen by other processes, after an upgrade."""
    owner = User.objects.create(username="collector")
    text_index.remove(connection)
    rows(owner, 5_990, prompt="a balloon")
    for image in rows(owner, 10, prompt="a zeppelin", age=6_000):
        Tag.objects.create(image=image, owner=owner, name="airship")
    begun_anew(monkeypatch)
    yield owner
    text_index.fill()


def filling() -> subprocess.Popen[bytes]:
    """Another process of this server that fills the index."""
    name = connection.settings_dict["NAME"]
    env = {n: v for n, v in os.environ.items() if n != "DATABASE_URL"}
    command = [sys.executable, "manage.py", "index_gallery"]
    return subprocess.Popen(command, cwd=ROOT, env=env | {"DATABASE_URL": f"sqlite:///{name}"})


def done() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT part, done FROM gallery_text_gap ORDER BY part LIMIT 1")
        return cursor.fetchone()


@only_sqlite
def test_filling_is_killed_and_goes_on(on_their_own: User) -> None:
    begun = done()
    killed = filling()
    until = time.monotonic() + 60
    while done() == begun:
        assert time.monotonic() < until
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not text_index.whole(connection)
    assert search.ids_of("zeppelin", 100) is None
    assert filling().wait() == 0
    assert named("zeppelin") == named("airship") == holding("zeppelin")
    assert len(named("balloon")) == 5_990


@only_sqlite
def test_a_gallery_is_searched_before_its_index_is_whole(on_their_own: User) -> None:
    assert text_index.fill(seconds=0) is False
    assert not text_index.whole(connection)
    assert search.ids_of("zeppelin", 100) is None
    assert Image.objects.filter(search.containing("airSHIP")).count() == 10


def test_a_small_gallery_is_whole_when_the_upgrade_ends(alice: User) -> None:
    text_index.remove(connection)
    (image,) = rows(alice, 1, prompt="zeppelin")
    connection.check_constraints()
    text_index.begin(connection)
    assert text_index.whole(connection)
    assert named("zeppelin") == {image.pk}


@only_postgresql
def test_an_index_whose_making_was_interrupted_is_made_again(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "FEW", -1)
    text_index.remove(connection)
    owner = User.objects.create(username="collector")
    rows(owner, 3, prompt="a zeppelin")
    text_index.begin(connection)
    assert not text_index.whole(connection)
    parameters = connection.get_connection_params()
    known = {name: parameters[name] for name in ("dbname", "user", "host", "port")}
    with psycopg.connect(**known) as writer, psycopg.connect(**known, autocommit=True) as maker:
        writer.execute("UPDATE gallery_image SET favourite = true")
        maker.execute("SET statement_timeout = '300ms'")
        # It waits for the writer, and is not patient.
        with pytest.raises(psycopg.errors.QueryCanceled):
            maker.execute(f"CREATE INDEX CONCURRENTLY {postgresql.INDEXES['gallery_prompt_text']}")
    assert not text_index.whole(connection)
    call_command("index_gallery")
    assert text_index.whole(connection)
    assert len(named("zeppelin")) == 3
