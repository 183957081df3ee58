"""REST doors of reconciliation."""
