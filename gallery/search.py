"""Finding a text in prompts and tags, at any size of the gallery: the index, and when to use it.

SQLite keeps two FTS5 tables of trigrams, filled by triggers; PostgreSQL two GIN indexes of pg_trgm.
Where neither can be had, search works as well and reads more rows. A search is a substring in any
case; what a text index finds is held against the rows themselves, so that both agree.
"""

import logging
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Exists, F, Func, IntegerField, OuterRef, Q, TextField, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan
from django.db.utils import DatabaseError

from gallery.models import Tag

logger = logging.getLogger(__name__)
# A trigram index knows nothing shorter.
SHORTEST_INDEXED = 3
LIKE_SPECIAL = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})

SQLITE = (
    """CREATE TABLE IF NOT EXISTS gallery_prompt (
        id INTEGER PRIMARY KEY, image_id char(32) NOT NULL UNIQUE)""",
    """CREATE VIRTUAL TABLE IF NOT EXISTS gallery_prompt_text
        USING fts5(prompt, content='', tokenize='trigram')""",
    """CREATE VIRTUAL TABLE IF NOT EXISTS gallery_tag_text
        USING fts5(name, content='gallery_tag', content_rowid='id', tokenize='trigram')""",
)
# None of them names a table that a migration may rebuild, but the one it stands on.
TRIGGERS = {
    "gallery_prompt_added": """AFTER INSERT ON gallery_image BEGIN
        INSERT INTO gallery_prompt(image_id) VALUES (NEW.id);
        INSERT INTO gallery_prompt_text(rowid, prompt)
            SELECT id, NEW.prompt FROM gallery_prompt WHERE image_id = NEW.id;
        END""",
    "gallery_prompt_changed": """AFTER UPDATE OF prompt ON gallery_image
        WHEN OLD.prompt IS NOT NEW.prompt BEGIN
        INSERT INTO gallery_prompt_text(gallery_prompt_text, rowid, prompt)
            SELECT 'delete', id, OLD.prompt FROM gallery_prompt WHERE image_id = OLD.id;
        INSERT INTO gallery_prompt_text(rowid, prompt)
            SELECT id, NEW.prompt FROM gallery_prompt WHERE image_id = NEW.id;
        END""",
    "gallery_prompt_removed": """AFTER DELETE ON gallery_image BEGIN
        INSERT INTO gallery_prompt_text(gallery_prompt_text, rowid, prompt)
            SELECT 'delete', id, OLD.prompt FROM gallery_prompt WHERE image_id = OLD.id;
        DELETE FROM gallery_prompt WHERE image_id = OLD.id;
        END""",
    "gallery_tag_added": """AFTER INSERT ON gallery_tag BEGIN
        INSERT INTO gallery_tag_text(rowid, name) VALUES(NEW.id, NEW.name);
        END""",
    "gallery_tag_changed": """AFTER UPDATE OF name ON gallery_tag BEGIN
        INSERT INTO gallery_tag_text(gallery_tag_text, rowid, name)
            VALUES('delete', OLD.id, OLD.name);
        INSERT INTO gallery_tag_text(rowid, name) VALUES(NEW.id, NEW.name);
        END""",
    "gallery_tag_removed": """AFTER DELETE ON gallery_tag BEGIN
        INSERT INTO gallery_tag_text(gallery_tag_text, rowid, name)
            VALUES('delete', OLD.id, OLD.name);
        END""",
}
FILL_SQLITE = (
    "INSERT INTO gallery_prompt(image_id) SELECT id FROM gallery_image",
    """INSERT INTO gallery_prompt_text(rowid, prompt)
        SELECT p.id, i.prompt FROM gallery_prompt p JOIN gallery_image i ON i.id = p.image_id""",
    "INSERT INTO gallery_tag_text(gallery_tag_text) VALUES('rebuild')",
)
POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    # Without a list of the latest additions, which every search would have to read through.
    """CREATE INDEX IF NOT EXISTS gallery_prompt_text ON gallery_image
        USING gin (prompt gin_trgm_ops) WITH (fastupdate = off)""",
    """CREATE INDEX IF NOT EXISTS gallery_tag_text ON gallery_tag
        USING gin (name gin_trgm_ops) WITH (fastupdate = off)""",
)
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
    """The pictures that a text index names, or None: no index, a short text, more than `most`."""
    if len(text) < SHORTEST_INDEXED or not installed(connection):
        return None
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            phrase = '"' + text.replace('"', '""') + '"'
            cursor.execute(FIND_SQLITE, [phrase, most + 1, phrase, most + 1])
        else:
            # The planner knows little of how rare a text is, and we come here with rare ones.
            cursor.execute("SET LOCAL enable_seqscan = off")
            pattern = f"%{text.translate(LIKE_SPECIAL)}%"
            cursor.execute(FIND_POSTGRESQL, [pattern, most + 1, pattern, most + 1])
        found = [row[0] if isinstance(row[0], UUID) else UUID(row[0]) for row in cursor.fetchall()]
    return found if len(found) <= most else None


def installed(connection: BaseDatabaseWrapper) -> bool:
    """Whether the text indexes are there."""
    query = "SELECT to_regclass('gallery_tag_text') IS NOT NULL"
    if connection.vendor == "sqlite":
        query = "SELECT count(*) FROM sqlite_master WHERE name = 'gallery_tag_text'"
    with connection.cursor() as cursor:
        cursor.execute(query)
        return bool(cursor.fetchone()[0])


def install(connection: BaseDatabaseWrapper) -> None:
    """Make what is missing of the text indexes; where the server refuses, say so and go on."""
    make = {"sqlite": _install_sqlite, "postgresql": _install_postgresql}.get(connection.vendor)
    if make is None:
        return
    try:
        with transaction.atomic(using=connection.alias):
            make(connection)
    except DatabaseError as error:
        logger.warning("Gallery search works without a text index and reads more: %s", error)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the text indexes away again."""
    drop = [f"DROP TRIGGER IF EXISTS {name}" for name in TRIGGERS]
    drop += [
        f"DROP TABLE IF EXISTS gallery_{name}" for name in ("prompt_text", "tag_text", "prompt")
    ]
    if connection.vendor == "postgresql":
        drop = [f"DROP INDEX IF EXISTS gallery_{name}" for name in ("prompt_text", "tag_text")]
    with connection.cursor() as cursor:
        for statement in drop:
            cursor.execute(statement)


def teach(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """connection_created: every connection to SQLite learns lower case."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("alice_lower", 1, str.lower, deterministic=True)


def repair(*, using: str, **_: Any) -> None:
    """post_migrate: rebuilding a table, as SQLite's migrations do, loses its triggers."""
    from django.db import connections

    tables = connections[using].introspection.table_names()
    if {"gallery_image", "gallery_tag"} <= set(tables):
        install(connections[using])


def _install_sqlite(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE 'gallery\\_%' ESCAPE '\\'")
        present = {name for (name,) in cursor.fetchall()}
        missing = TRIGGERS.keys() - present
        if not missing:
            return
        for statement in SQLITE:
            cursor.execute(statement)
        for name in sorted(missing):
            cursor.execute(f"CREATE TRIGGER {name} {TRIGGERS[name]}")
        _fill_sqlite(cursor)


def _fill_sqlite(cursor: Any) -> None:
    """From nothing: while triggers were missing nobody knows what was said."""
    cursor.execute("INSERT INTO gallery_prompt_text(gallery_prompt_text) VALUES('delete-all')")
    cursor.execute("DELETE FROM gallery_prompt")
    for statement in FILL_SQLITE:
        cursor.execute(statement)


def _install_postgresql(connection: BaseDatabaseWrapper) -> None:
    if installed(connection):
        return
    with connection.cursor() as cursor:
        for statement in POSTGRESQL:
            cursor.execute(statement)


def _holds(field: str, text: str) -> GreaterThan:
    place = StrIndex(Folded(F(field)), Folded(Value(text)), output_field=IntegerField())
    return GreaterThan(place, 0)
