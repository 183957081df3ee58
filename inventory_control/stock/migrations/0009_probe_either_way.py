"""The index by which a node's balances are found names the item too.

A plan made while the table was empty may take it for a probe of one balance; it read all of the node.
"""

import django.db.models.deletion
from django.db import migrations, models

OF_NODE = "stock_stockbalance_node_id_a08df98d"


class Migration(migrations.Migration):
    dependencies = [("stock", "0008_changes_on_the_page")]
    operations = [
        migrations.AddIndex(
            "stockbalance", models.Index(fields=["node", "item"], name="balance_of_node")
        ),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    f"DROP INDEX IF EXISTS {OF_NODE}",
                    f"CREATE INDEX {OF_NODE} ON stock_stockbalance (node_id)",
                )
            ],
            [
                migrations.AlterField(
                    "stockbalance",
                    "node",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="balances",
                        to="catalog.node",
                    ),
                )
            ],
        ),
    ]
