"""Console doors of reconciliation."""
