"""Permission codenames of this app."""

READ = "stock.read"
"""Read positions, the ledger and availability."""
RESERVE = "stock.reserve"
"""Reserve stock for an order and release it."""
ADJUST = "stock.adjust"
"""Adjust stock with a reason, and settle counts."""
