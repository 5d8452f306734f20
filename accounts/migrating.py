"""Steps of an upgrade that hold nobody up who writes, as far as the engine can."""

from typing import Any

from django.db.migrations import AddField, AddIndex, RemoveIndex
from django.db.migrations.state import ProjectState


class AddFieldAtOnce(AddField):
    """AddField of a column that is null, or never null and with a plain default.

    Django would copy SQLite's whole table for the latter. In a migration with `atomic = False`
    SQLite's check of every foreign key there is holds no lock, and an interrupted one goes on.
    """

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        connection = schema_editor.connection
        meta = to_state.apps.get_model(app_label, self.model_name)._meta  # noqa: SLF001 public
        field = meta.get_field(self.name)
        with connection.cursor() as cursor:
            present = connection.introspection.get_table_description(cursor, meta.db_table)
        if field.column in {column.name for column in present}:
            return
        if connection.vendor != "sqlite" or field.null:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        made, quoted = field.db_parameters(connection), schema_editor.quote_name
        default = schema_editor.quote_value(field.get_default())
        check = f" CHECK ({made['check']})" if made["check"] else ""
        schema_editor.execute(
            f"ALTER TABLE {quoted(meta.db_table)} ADD COLUMN {quoted(field.column)} {made['type']}"
            f" NOT NULL DEFAULT {default}{check}"
        )


class AddIndexMeanwhile(AddIndex):
    """AddIndex for a migration with `atomic = False`: on PostgreSQL without a lock.

    Done again after an interruption it goes on; what the interruption left useless is made anew.
    SQLite locks while it builds: nothing of its indexes can be built in pieces.
    """

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        present = _usable(schema_editor.connection, self.index.name)
        if present:
            return
        if schema_editor.connection.vendor != "postgresql":
            schema_editor.add_index(model, self.index)
            return
        if present is False:
            schema_editor.remove_index(model, self.index, concurrently=True)
        schema_editor.add_index(model, self.index, concurrently=True)


class RemoveIndexMeanwhile(RemoveIndex):
    """RemoveIndex for a migration with `atomic = False`, also where it is gone already."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        index = from_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
        if _usable(schema_editor.connection, self.name) is None:
            return
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.remove_index(model, index, concurrently=True)
        else:
            schema_editor.remove_index(model, index)


def _usable(connection: Any, name: str) -> bool | None:
    """Whether the index is there and whole; None: it is not there."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = %s"
    if connection.vendor == "postgresql":
        query = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
    with connection.cursor() as cursor:
        cursor.execute(query, [name])
        row = cursor.fetchone()
    return bool(row[0]) if row else None
