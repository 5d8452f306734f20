import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from accounts.migrating import AddFieldAtOnce


class Migration(migrations.Migration):
    """The column alone, which no engine writes into rows; gallery.tag_owners fills it."""

    atomic = False

    dependencies = [
        ("gallery", "0007_walks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddFieldAtOnce(
            model_name="tag",
            name="owner",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
