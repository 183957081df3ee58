"""REST doors of timelines."""
