"""Console doors of notifications: what customers were told, and calling off what waits."""
