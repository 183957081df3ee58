"""REST doors of audit."""
