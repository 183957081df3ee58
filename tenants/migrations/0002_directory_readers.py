"""The advice worker and the sealer look tenants up and see no other shared table."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "GRANT SELECT ON tenants_tenant TO ic_ai, ic_sealer",
            "REVOKE SELECT ON tenants_tenant FROM ic_ai, ic_sealer",
        )
    ]
