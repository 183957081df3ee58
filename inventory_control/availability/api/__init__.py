"""REST doors of availability."""
