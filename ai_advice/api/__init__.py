"""REST doors of advice."""
