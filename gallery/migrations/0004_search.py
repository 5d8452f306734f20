"""Text indexes of prompts and tags, each engine's own; of a large gallery only begun."""

from typing import Any

from django.db import migrations

from gallery import text_index


def begin(_: Any, editor: Any) -> None:
    text_index.begin(editor.connection)


def remove(_: Any, editor: Any) -> None:
    text_index.remove(editor.connection)


class Migration(migrations.Migration):
    # Whatever is indexed at once goes in short transactions of its own.
    atomic = False

    dependencies = [("gallery", "0003_finding")]

    operations = [migrations.RunPython(begin, remove)]
