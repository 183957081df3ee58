"""Commands of the ledger: post, adjust, correct, reserve, settle, rebuild."""

from inventory_control.stock.services.adjusting import adjust, correct
from inventory_control.stock.services.days import add_up_days
from inventory_control.stock.services.demand import mark_again, mark_places
from inventory_control.stock.services.folding import settle_count
from inventory_control.stock.services.gathering import post_presented, reserve_presented
from inventory_control.stock.services.partitioning import split_ledger
from inventory_control.stock.services.posting import post_events, post_rows
from inventory_control.stock.services.rebuilding import rebuild_balances
from inventory_control.stock.services.reserving import release, reserve
from inventory_control.stock.services.retrying import retry_letter
from inventory_control.stock.services.telling import post_facts

__all__ = [
    "add_up_days",
    "adjust",
    "correct",
    "mark_again",
    "mark_places",
    "post_events",
    "post_facts",
    "post_presented",
    "post_rows",
    "rebuild_balances",
    "release",
    "reserve",
    "reserve_presented",
    "retry_letter",
    "settle_count",
    "split_ledger",
]
