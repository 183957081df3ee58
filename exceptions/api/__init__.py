"""REST doors of exceptions."""
