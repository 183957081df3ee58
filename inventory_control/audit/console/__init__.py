"""Console doors of the audit log: read-only."""
