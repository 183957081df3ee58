"""A change of a balance stays on its page: what made it write to indexes goes.

Nobody asked `balance_short`, the key begins with the item anyway, and nobody looks for claims by how
their keys begin; every sale and every order paid for each of them.
"""

import django.db.models.deletion
from django.db import migrations, models

OF_ITEM = "stock_stockbalance_item_id_36384f3b"
OF_CLAIM = "stock_reservation_key_9c854657_like"


class Migration(migrations.Migration):
    dependencies = [("stock", "0007_demand_in_marks")]
    operations = [
        migrations.RemoveIndex("stockbalance", "balance_short"),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    f"DROP INDEX IF EXISTS {OF_ITEM}",
                    f"CREATE INDEX {OF_ITEM} ON stock_stockbalance (item_id)",
                )
            ],
            [
                migrations.AlterField(
                    "stockbalance",
                    "item",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="balances",
                        to="catalog.item",
                    ),
                )
            ],
        ),
        migrations.RunSQL(
            "ALTER TABLE stock_stockbalance SET (fillfactor = 80)",
            "ALTER TABLE stock_stockbalance RESET (fillfactor)",
        ),
        migrations.RunSQL(
            f"DROP INDEX IF EXISTS {OF_CLAIM}",
            f"CREATE INDEX {OF_CLAIM} ON stock_reservation (key text_pattern_ops)",
        ),
    ]
