"""A note can wait for a moment: what falls due by time alone is looked at then."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_directory_readers")]
    operations = [
        migrations.AddField("duestage", "not_before", models.DateTimeField(null=True)),
    ]
