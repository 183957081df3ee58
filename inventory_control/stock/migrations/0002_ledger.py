"""The ledger table: partitioned from the first day, with a default partition that takes all."""

from django.db import migrations

LEDGER = """
CREATE SEQUENCE stock_ledgerentry_id_seq;
CREATE TABLE stock_ledgerentry (
    posted_at timestamptz NOT NULL,
    id bigint NOT NULL DEFAULT nextval('stock_ledgerentry_id_seq'),
    event_id bigint NOT NULL,
    item_id bigint NOT NULL,
    node_id bigint NOT NULL,
    state text NOT NULL,
    lot text NOT NULL,
    quantity bigint NOT NULL,
    cause text NOT NULL CHECK (cause IN ('move', 'assert')),
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (posted_at, id)
) PARTITION BY RANGE (posted_at);
CREATE TABLE stock_ledgerentry_default PARTITION OF stock_ledgerentry DEFAULT;
CREATE INDEX ledger_of_account ON stock_ledgerentry (item_id, node_id, state, occurred_at);
CREATE INDEX ledger_of_event ON stock_ledgerentry (event_id);
"""


class Migration(migrations.Migration):
    dependencies = [("stock", "0001_initial")]
    operations = [
        migrations.RunSQL(
            LEDGER, "DROP TABLE stock_ledgerentry; DROP SEQUENCE stock_ledgerentry_id_seq"
        )
    ]
