from django.db import migrations, models

from accounts.migrating import AddFieldAtOnce


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("generation", "0001_initial"),
    ]

    operations = [
        AddFieldAtOnce(
            model_name="job",
            name="reserved_on",
            field=models.DateField(blank=True, null=True),
        ),
        AddFieldAtOnce(
            model_name="job",
            name="reserved_images",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        AddFieldAtOnce(
            model_name="job",
            name="reserved_megapixel_steps",
            field=models.FloatField(db_default=0.0, default=0.0),
        ),
    ]
