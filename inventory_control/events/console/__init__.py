"""Console doors of events."""
