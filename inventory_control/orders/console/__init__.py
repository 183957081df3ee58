"""Console doors of orders."""
