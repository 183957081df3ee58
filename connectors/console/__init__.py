"""Console doors of connectors: replays and legal holds, and who is told."""
