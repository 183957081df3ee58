"""Console doors of workflows."""
