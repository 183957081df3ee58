"""Commands of the ledger: post, reserve, settle, rebuild."""

from inventory_control.stock.services.demand import mark_places
from inventory_control.stock.services.folding import settle_count
from inventory_control.stock.services.gathering import post_presented, reserve_presented
from inventory_control.stock.services.mastering import (
    MASTERS,
    NEARS,
    follow_masters,
    mark_promoted,
)
from inventory_control.stock.services.posting import post_events, post_rows
from inventory_control.stock.services.rebuilding import rebuild_balances
from inventory_control.stock.services.reserving import release, reserve
from inventory_control.stock.services.retrying import retry_letter

__all__ = [
    "MASTERS",
    "NEARS",
    "follow_masters",
    "mark_places",
    "mark_promoted",
    "post_events",
    "post_presented",
    "post_rows",
    "rebuild_balances",
    "release",
    "reserve",
    "reserve_presented",
    "retry_letter",
    "settle_count",
]
