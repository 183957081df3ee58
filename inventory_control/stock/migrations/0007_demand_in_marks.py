"""Marks tell by how much demand changed; days that waited for a roll-up get theirs first."""

from django.db import migrations, models

ROLL_UP = """
INSERT INTO stock_demandday (item_id, node_id, day, sold, lost, lines)
SELECT d.item_id, d.node_id, d.day, e.sold, e.lost, e.lines
  FROM (SELECT DISTINCT item_id, node_id, day FROM stock_stockmark WHERE day IS NOT NULL) AS d
 CROSS JOIN LATERAL (
           SELECT coalesce(sum(units) FILTER (WHERE type <> 'demand.lost'), 0) AS sold,
                  coalesce(sum(units) FILTER (WHERE type = 'demand.lost'), 0) AS lost,
                  count(*) FILTER (WHERE units > 0) AS lines
             FROM (
                      SELECT o.type,
                             CASE WHEN c.event_id IS NULL THEN o.quantity ELSE coalesce(c.quantity, 0) END
                             AS units
                        FROM events_inventoryevent o
                        LEFT JOIN events_correction c ON c.fact_id = o.id AND c.is_standing
                       WHERE o.item_id = d.item_id AND o.node_id = d.node_id
                         AND o.occurred_at >= d.day::timestamp AT TIME ZONE 'UTC'
                         AND o.occurred_at < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
                         AND o.type IN ('sale.recorded', 'order.shipped', 'demand.lost')
                  ) AS line
       ) AS e
ON CONFLICT (item_id, node_id, day) DO UPDATE SET
    sold = excluded.sold, lost = excluded.lost, lines = excluded.lines;
UPDATE stock_stockmark SET day = NULL WHERE day IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("stock", "0006_carried"), ("events", "0008_corrections")]
    operations = [
        migrations.RunSQL(ROLL_UP, migrations.RunSQL.noop),
        migrations.AddField("stockmark", "sold", models.BigIntegerField(db_default=0)),
        migrations.AddField("stockmark", "lost", models.BigIntegerField(db_default=0)),
        migrations.AddField("stockmark", "lines", models.IntegerField(db_default=0)),
    ]
