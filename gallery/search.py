"""Finding a text in prompts and tags, at any size of the gallery.

A search is a substring in any case; what a text index finds is held against the rows themselves, so
that walking and looking up agree.
"""

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Exists, F, Func, IntegerField, OuterRef, Q, TextField, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan
from django.db.utils import OperationalError

from gallery import text_index
from gallery.models import Tag

# A trigram index knows nothing shorter.
SHORTEST_INDEXED = 3
# What PostgreSQL has not found by then is looked for by walking; and how it says that it stopped.
PATIENCE_MS, CANCELLED = 50, "57014"
LIKE_SPECIAL = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})

FIND_SQLITE = """
    SELECT image_id FROM (SELECT p.image_id FROM gallery_prompt_text
        JOIN gallery_prompt p ON p.id = gallery_prompt_text.rowid
        WHERE gallery_prompt_text MATCH %s LIMIT %s)
    UNION SELECT image_id FROM (SELECT t.image_id FROM gallery_tag_text
        JOIN gallery_tag t ON t.id = gallery_tag_text.rowid
        WHERE gallery_tag_text MATCH %s LIMIT %s)"""
FIND_POSTGRESQL = """
    (SELECT id FROM gallery_image WHERE prompt ILIKE %s LIMIT %s)
    UNION (SELECT image_id FROM gallery_tag WHERE name ILIKE %s LIMIT %s)"""


class Folded(Func):
    """Lower case in every script; SQLite's own LOWER knows ASCII alone."""

    function = "LOWER"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="alice_lower", **context)


def containing(text: str) -> Q:
    """Pictures with `text` in the prompt or in a tag. No index serves it: it is for walking."""
    named = Tag.objects.filter(_holds("name", text), image=OuterRef("pk"))
    return Q(_holds("prompt", text)) | Q(Exists(named))


def ids_of(text: str, most: int) -> list[UUID] | None:
    """The pictures that a text index names, or None: no index, a short text, more than `most`.

    None also where they are not found soon: PostgreSQL reads every picture that has the text's
    trigrams, wherever they stand in it.
    """
    if len(text) < SHORTEST_INDEXED or not text_index.whole(connection):
        return None
    look = _by_sqlite if connection.vendor == "sqlite" else _by_postgresql
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            found = look(cursor, text, most + 1)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != CANCELLED:
            raise
        return None
    return found if len(found) <= most else None


def _by_sqlite(cursor: Any, text: str, most: int) -> list[UUID]:
    phrase = '"' + text.replace('"', '""') + '"'
    cursor.execute(FIND_SQLITE, [phrase, most, phrase, most])
    return [UUID(key) for (key,) in cursor.fetchall()]


def _by_postgresql(cursor: Any, text: str, most: int) -> list[UUID]:
    # The planner knows little of how rare a text is, and we come here with rare ones.
    cursor.execute("SET LOCAL enable_seqscan = off")
    cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
    pattern = f"%{text.translate(LIKE_SPECIAL)}%"
    cursor.execute(FIND_POSTGRESQL, [pattern, most, pattern, most])
    found = [key for (key,) in cursor.fetchall()]
    # A transaction around this one goes on with its own.
    cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
    cursor.execute("SET LOCAL enable_seqscan TO DEFAULT")
    return found


def teach(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """connection_created: every connection to SQLite learns lower case."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("alice_lower", 1, str.lower, deterministic=True)


def _holds(field: str, text: str) -> GreaterThan:
    place = StrIndex(Folded(F(field)), Folded(Value(text)), output_field=IntegerField())
    return GreaterThan(place, 0)
