"""Console doors of exceptions."""
