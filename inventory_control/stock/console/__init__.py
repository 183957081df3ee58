"""Console doors of stock."""
