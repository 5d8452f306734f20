"""Two FTS5 tables of trigrams, which triggers follow.

What an upgrade found already written is the gap: it is indexed batch by batch, and until then the
triggers leave it alone.
"""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

# Pictures or tags in one transaction: others who write wait so long at most.
BATCH = 1_000

TABLES = (
    """CREATE TABLE IF NOT EXISTS gallery_prompt (
        id INTEGER PRIMARY KEY, image_id char(32) NOT NULL UNIQUE)""",
    """CREATE VIRTUAL TABLE IF NOT EXISTS gallery_prompt_text
        USING fts5(prompt, content='', tokenize='trigram')""",
    """CREATE VIRTUAL TABLE IF NOT EXISTS gallery_tag_text
        USING fts5(name, content='gallery_tag', content_rowid='id', tokenize='trigram')""",
    # A row for each part that lacks something: what lies behind `done`, up to `last`.
    "CREATE TABLE IF NOT EXISTS gallery_text_gap (part TEXT PRIMARY KEY, done, last)",
)
# From nothing: while triggers were missing nobody knows what was said.
EMPTY = (
    "INSERT INTO gallery_prompt_text(gallery_prompt_text) VALUES('delete-all')",
    "INSERT INTO gallery_tag_text(gallery_tag_text) VALUES('delete-all')",
    "DELETE FROM gallery_prompt",
    "INSERT OR REPLACE INTO gallery_text_gap SELECT 'prompt', '', max(id) FROM gallery_image",
    "INSERT OR REPLACE INTO gallery_text_gap SELECT 'tag', 0, max(id) FROM gallery_tag",
)
# A tag of the gap stands in no index, and cannot be taken out of it.
UNLESS_IN_GAP = """WHEN NOT EXISTS (SELECT 1 FROM gallery_text_gap
        WHERE part = 'tag' AND {row}.id > done AND {row}.id <= last)"""
# None of them names a table that a migration may rebuild, but the one it stands on. Those of
# pictures do nothing in the gap: there gallery_prompt has no row.
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
    "gallery_tag_added": f"""AFTER INSERT ON gallery_tag
        {UNLESS_IN_GAP.format(row="NEW")} BEGIN
        INSERT INTO gallery_tag_text(rowid, name) VALUES(NEW.id, NEW.name);
        END""",
    "gallery_tag_changed": f"""AFTER UPDATE OF name ON gallery_tag
        {UNLESS_IN_GAP.format(row="OLD")} BEGIN
        INSERT INTO gallery_tag_text(gallery_tag_text, rowid, name)
            VALUES('delete', OLD.id, OLD.name);
        INSERT INTO gallery_tag_text(rowid, name) VALUES(NEW.id, NEW.name);
        END""",
    "gallery_tag_removed": f"""AFTER DELETE ON gallery_tag
        {UNLESS_IN_GAP.format(row="OLD")} BEGIN
        INSERT INTO gallery_tag_text(gallery_tag_text, rowid, name)
            VALUES('delete', OLD.id, OLD.name);
        END""",
}
REMOVE = (
    *[f"DROP TRIGGER IF EXISTS {name}" for name in TRIGGERS],
    *[
        f"DROP TABLE IF EXISTS gallery_{name}"
        for name in ("prompt_text", "tag_text", "prompt", "text_gap")
    ],
)


@dataclass(frozen=True, slots=True)
class Part:
    """Where a batch ends, and what indexes the rows behind the first id and up to the second."""

    end: str
    take: tuple[str, ...]


PARTS = {
    "prompt": Part(
        "SELECT id FROM gallery_image WHERE id > %s AND id <= %s ORDER BY id LIMIT 1 OFFSET %s",
        (
            # Who was added meanwhile is there already, text and all.
            """CREATE TEMP TABLE gallery_batch AS
            SELECT id, prompt FROM gallery_image WHERE id > %s AND id <= %s
            AND NOT EXISTS (SELECT 1 FROM gallery_prompt WHERE image_id = gallery_image.id)""",
            "INSERT INTO gallery_prompt(image_id) SELECT id FROM gallery_batch",
            """INSERT INTO gallery_prompt_text(rowid, prompt)
            SELECT p.id, b.prompt FROM gallery_batch b JOIN gallery_prompt p ON p.image_id = b.id""",
            "DROP TABLE gallery_batch",
        ),
    ),
    "tag": Part(
        "SELECT id FROM gallery_tag WHERE id > %s AND id <= %s ORDER BY id LIMIT 1 OFFSET %s",
        (
            """INSERT INTO gallery_tag_text(rowid, name)
            SELECT id, name FROM gallery_tag WHERE id > %s AND id <= %s""",
        ),
    ),
}


def begin(connection: BaseDatabaseWrapper) -> None:
    """Tables, triggers and the gap. Whoever has them all keeps what they hold."""
    present = _present(connection)
    with connection.cursor() as cursor:
        for statement in TABLES:
            cursor.execute(statement)
        if TRIGGERS.keys() <= present:
            return
        for name, text in TRIGGERS.items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(f"CREATE TRIGGER {name} {text}")
        for statement in EMPTY:
            cursor.execute(statement)


def fill(connection: BaseDatabaseWrapper) -> bool:
    """One batch; whether there may be more to do."""
    if whole(connection):
        return False
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SELECT part, done, last FROM gallery_text_gap ORDER BY part LIMIT 1")
        gap = cursor.fetchone()
        if gap is not None:
            _batch(cursor, *gap)
    return gap is not None


fill_at_once = fill


def whole(connection: BaseDatabaseWrapper) -> bool:
    present = _present(connection)
    if "gallery_tag_text" not in present:
        return False
    if "gallery_text_gap" not in present:
        # Made in one piece, by an older version.
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT NOT EXISTS (SELECT 1 FROM gallery_text_gap)")
        return bool(cursor.fetchone()[0])


def _batch(cursor: Any, name: str, done: Any, last: Any) -> None:
    part = PARTS[name]
    cursor.execute(part.end, [done, last, BATCH - 1])
    found = cursor.fetchone()
    end = found[0] if found else last
    for statement in part.take:
        cursor.execute(statement, [done, end] if "%s" in statement else [])
    if found:
        cursor.execute("UPDATE gallery_text_gap SET done = %s WHERE part = %s", [end, name])
    else:
        cursor.execute("DELETE FROM gallery_text_gap WHERE part = %s", [name])


def _present(connection: BaseDatabaseWrapper) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE 'gallery\\_%' ESCAPE '\\'")
        return {name for (name,) in cursor.fetchall()}
