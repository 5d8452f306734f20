"""Text indexes of prompts and tags, each engine's own."""

from django.db import migrations


def install(apps, schema_editor):
    from gallery import search

    search.install(schema_editor.connection)


def remove(apps, schema_editor):
    from gallery import search

    search.remove(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [("gallery", "0003_finding")]

    operations = [migrations.RunPython(install, remove)]
