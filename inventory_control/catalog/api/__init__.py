"""REST doors of catalog."""
