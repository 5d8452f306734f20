"""Database and Redis."""

from aliceproject.settings.environment import env

DATABASE_URL = env.url(
    "DATABASE_URL",
    ("postgres", "postgresql", "sqlite"),
    help="PostgreSQL address; empty: SQLite in ALICE_DATA_DIR.",
)
REDIS_URL = env.url(
    "REDIS_URL",
    ("redis", "rediss", "unix"),
    help="Redis for events between hosts and for waking workers; empty: none is needed.",
)
