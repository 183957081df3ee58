"""Permission codenames of this app."""

READ = "fulfilment.read"
"""Read sales orders, backorders and what allocation would choose."""
ALLOCATE = "fulfilment.allocate"
"""Allocate stock to orders, accept substitutes, and give those who wait units out of turn."""
