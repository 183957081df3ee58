"""Permission codenames of this app."""

READ = "catalog.read"
"""Read items, nodes, channels and suppliers."""
WRITE = "catalog.write"
"""Send master data."""
MAP = "catalog.map"
"""Say which item, node or status another name stands for."""
