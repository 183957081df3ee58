"""Commands of the ledger: post, reserve, settle, rebuild."""

from inventory_control.stock.services.folding import settle_count
from inventory_control.stock.services.posting import post_events
from inventory_control.stock.services.rebuilding import rebuild_balances
from inventory_control.stock.services.reserving import reserve

__all__ = ["post_events", "rebuild_balances", "reserve", "settle_count"]
