from typing import Any

from django.db import migrations, models

from accounts import names


def fill(apps: Any, _: Any) -> None:
    User = apps.get_model("accounts", "User")
    for user in User.objects.only("pk", "username").iterator(500):
        User.objects.filter(pk=user.pk).update(name_key=names.key_of(user.username))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_append_only_audit")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="name_key",
            field=models.CharField(db_index=True, default="", editable=False, max_length=450),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
