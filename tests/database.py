"""The test database, as other processes reach it."""

from urllib.parse import quote

from django.db import connection


def url() -> str:
    """DATABASE_URL for a process that works on this test's rows."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}"
    user, host, name = known["USER"], known["HOST"], known["NAME"]
    return f"postgres://{quote(user)}@{host}:{known['PORT']}/{quote(str(name))}"
