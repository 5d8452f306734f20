"""Two GIN indexes of pg_trgm, built while others write."""

from django.db.backends.base.base import BaseDatabaseWrapper

# More pictures than this are indexed later, and without a lock.
FEW = 10_000
# Without a list of the latest additions, which every search would have to read through.
INDEXES = {
    "gallery_prompt_text": """gallery_prompt_text ON gallery_image
        USING gin (prompt gin_trgm_ops) WITH (fastupdate = off)""",
    "gallery_tag_text": """gallery_tag_text ON gallery_tag
        USING gin (name gin_trgm_ops) WITH (fastupdate = off)""",
}
EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
REMOVE = tuple(f"DROP INDEX IF EXISTS {name}" for name in INDEXES)
MANY = "SELECT EXISTS (SELECT 1 FROM gallery_image OFFSET %s)"


def begin(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(EXTENSION)


def fill_at_once(connection: BaseDatabaseWrapper) -> bool:
    """Index a small gallery in one piece; whether there may be more to do at once."""
    with connection.cursor() as cursor:
        cursor.execute(MANY, [FEW])
        if cursor.fetchone()[0]:
            return False
        for name, made in INDEXES.items():
            if _usable(connection).get(name) is False:
                cursor.execute(f"DROP INDEX {name}")
            cursor.execute(f"CREATE INDEX IF NOT EXISTS {made}")
    return False


def fill(connection: BaseDatabaseWrapper) -> bool:
    """One index, outside any transaction; whether there may be more to do.

    One that was interrupted stands there useless: it is taken away and made again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
        usable = _usable(connection)
        missing = [name for name in INDEXES if not usable.get(name)]
        if not missing or cursor.rowcount == 0:
            return False
        cursor.execute("SET statement_timeout = 0")
        if missing[0] in usable:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {missing[0]}")
        cursor.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {INDEXES[missing[0]]}")
        cursor.execute("RESET statement_timeout")
    return True


def whole(connection: BaseDatabaseWrapper) -> bool:
    usable = _usable(connection)
    return all(usable.get(name) for name in INDEXES)


def _usable(connection: BaseDatabaseWrapper) -> dict[str, bool]:
    """The indexes that are there, and whether they hold everything."""
    found = "SELECT indexrelid::regclass::text, indisvalid FROM pg_index WHERE indexrelid IN ({})"
    names = ", ".join(f"to_regclass('{name}')" for name in INDEXES)
    with connection.cursor() as cursor:
        cursor.execute(found.format(names))
        return {name.rpartition(".")[2]: valid for name, valid in cursor.fetchall()}
