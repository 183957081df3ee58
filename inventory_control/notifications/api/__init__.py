"""REST doors of notifications."""
