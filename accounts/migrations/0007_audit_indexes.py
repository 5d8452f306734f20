from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_tickets_and_open_sockets'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='auditentry',
            name='audit_actor',
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['actor_name', '-at'], name='audit_actor_name'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['address', '-at'], name='audit_address'),
        ),
    ]
