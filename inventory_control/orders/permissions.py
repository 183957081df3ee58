"""Permission codenames of this app."""

READ = "orders.read"
"""Read purchase orders and transfers."""
PLACE = "orders.place"
"""Place and cancel purchase orders and transfers."""
