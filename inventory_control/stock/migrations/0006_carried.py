"""Lines may stand for retired parts of the ledger: what their accounts came to."""

from django.db import migrations

CAUSES = """
ALTER TABLE stock_ledgerentry DROP CONSTRAINT stock_ledgerentry_cause_check;
ALTER TABLE stock_ledgerentry ADD CONSTRAINT stock_ledgerentry_cause_check
    CHECK (cause IN ('move', 'assert', 'carried', 'carried_move'));
"""
NARROWER = """
ALTER TABLE stock_ledgerentry DROP CONSTRAINT stock_ledgerentry_cause_check;
ALTER TABLE stock_ledgerentry ADD CONSTRAINT stock_ledgerentry_cause_check
    CHECK (cause IN ('move', 'assert'));
"""


class Migration(migrations.Migration):
    dependencies = [("stock", "0005_claims")]
    operations = [migrations.RunSQL(CAUSES, NARROWER)]
