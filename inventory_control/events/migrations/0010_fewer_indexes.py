"""Nobody looks for business keys by how they begin; every event paid for it."""

from django.db import migrations

INDEX = "events_businesskey_key_99bc0f40_like"


class Migration(migrations.Migration):
    dependencies = [("events", "0009_subscription_owner")]
    operations = [
        migrations.RunSQL(
            f"DROP INDEX IF EXISTS {INDEX}",
            f"CREATE INDEX {INDEX} ON events_businesskey (key text_pattern_ops)",
        )
    ]
