"""The index by which a node's planning parameters are found names the item too, as that of its balances.

That of the item alone goes: `item_node_once` begins with it.
"""

import django.db.models.deletion
from django.db import migrations, models

OF_ITEM = "catalog_itemnode_item_id_c41392a9"
OF_NODE = "catalog_itemnode_node_id_81a45d1d"


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_masters")]
    operations = [
        migrations.AddIndex(
            "itemnode", models.Index(fields=["node", "item"], name="item_node_of_node")
        ),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    f"DROP INDEX IF EXISTS {OF_ITEM}",
                    f"CREATE INDEX {OF_ITEM} ON catalog_itemnode (item_id)",
                ),
                migrations.RunSQL(
                    f"DROP INDEX IF EXISTS {OF_NODE}",
                    f"CREATE INDEX {OF_NODE} ON catalog_itemnode (node_id)",
                ),
            ],
            [
                migrations.AlterField(
                    "itemnode",
                    "item",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="at_nodes",
                        to="catalog.item",
                    ),
                ),
                migrations.AlterField(
                    "itemnode",
                    "node",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="catalog.node",
                    ),
                ),
            ],
        ),
    ]
