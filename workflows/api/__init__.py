"""REST doors of workflows."""
