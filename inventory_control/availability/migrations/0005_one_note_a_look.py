"""What a look found changed is one note, not a row for each place."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("availability", "0004_item_first")]
    operations = [
        migrations.CreateModel(
            name="ChangedNote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "item_ids",
                    django.contrib.postgres.fields.ArrayField(models.BigIntegerField()),
                ),
                (
                    "node_ids",
                    django.contrib.postgres.fields.ArrayField(models.BigIntegerField()),
                ),
                ("noted_at", models.DateTimeField()),
            ],
            options={"abstract": False, "base_manager_name": "objects"},
        ),
        migrations.RunSQL(
            """
            INSERT INTO availability_changednote (item_ids, node_ids, noted_at)
            SELECT array_agg(item_id), array_agg(node_id), min(noted_at)
              FROM availability_changedplace
            HAVING count(*) > 0
            """,
            """
            INSERT INTO availability_changedplace (item_id, node_id, noted_at)
            SELECT item_id, node_id, noted_at
              FROM availability_changednote, unnest(item_ids, node_ids) AS place (item_id, node_id)
            """,
        ),
        migrations.DeleteModel("ChangedPlace"),
    ]
