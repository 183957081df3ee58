"""REST doors of events."""
