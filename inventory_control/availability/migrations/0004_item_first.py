"""The key begins with the item; an index of the item alone was paid for twice."""

import django.db.models.deletion
from django.db import migrations, models

INDEX = "availability_availability_item_id_dde4e1fe"


class Migration(migrations.Migration):
    dependencies = [("availability", "0003_waived_and_fallback")]
    operations = [
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    f"DROP INDEX IF EXISTS {INDEX}",
                    f"CREATE INDEX {INDEX} ON availability_availability (item_id)",
                )
            ],
            [
                migrations.AlterField(
                    "availability",
                    "item",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="catalog.item",
                    ),
                )
            ],
        )
    ]
