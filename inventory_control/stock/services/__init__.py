"""Commands of the ledger: post, reserve, settle, rebuild."""

from inventory_control.stock.services.demand import mark_places
from inventory_control.stock.services.folding import settle_count
from inventory_control.stock.services.gathering import post_presented, reserve_presented
from inventory_control.stock.services.posting import post_events, post_rows
from inventory_control.stock.services.rebuilding import rebuild_balances
from inventory_control.stock.services.reserving import release, reserve
from inventory_control.stock.services.retrying import (
    Retried,
    post_named,
    release_letter,
    retry_found,
    retry_letter,
    retry_letters,
)

__all__ = [
    "Retried",
    "mark_places",
    "post_events",
    "post_named",
    "post_presented",
    "post_rows",
    "rebuild_balances",
    "release",
    "release_letter",
    "reserve",
    "reserve_presented",
    "retry_found",
    "retry_letter",
    "retry_letters",
    "settle_count",
]
