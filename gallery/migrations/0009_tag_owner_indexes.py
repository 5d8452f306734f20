from django.db import migrations, models

from accounts.migrating import AddIndexMeanwhile


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("gallery", "0008_tag_owner")]

    operations = [
        AddIndexMeanwhile(
            model_name="tag",
            index=models.Index(
                condition=models.Q(("owner__isnull", False)),
                fields=["owner", "name"],
                name="tag_of_owner",
            ),
        ),
        AddIndexMeanwhile(
            model_name="tag",
            index=models.Index(
                condition=models.Q(("owner", None)), fields=["id"], name="tag_unowned"
            ),
        ),
    ]
