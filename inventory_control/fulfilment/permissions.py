"""Permission codenames of this app."""

READ = "fulfilment.read"
"""Read sales orders, backorders and what allocation would choose."""
ALLOCATE = "fulfilment.allocate"
"""Allocate stock to orders, and accept substitutes."""
