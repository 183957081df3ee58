"""REST doors of connectors."""
