"""Console doors of audit."""
