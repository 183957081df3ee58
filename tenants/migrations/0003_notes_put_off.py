"""A note can wait for a moment: what falls due by time alone is looked at then.

Timers that were set before have no note any more; every tenant is looked at once.
"""

from django.db import migrations, models

LOOK_ONCE = """
INSERT INTO due (tenant_id, stage) SELECT id, 'timers' FROM tenants_tenant ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_directory_readers")]
    operations = [
        migrations.AddField("duestage", "not_before", models.DateTimeField(null=True)),
        migrations.RunSQL(LOOK_ONCE, migrations.RunSQL.noop),
    ]
