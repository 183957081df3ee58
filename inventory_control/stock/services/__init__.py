"""Commands of the ledger: post, adjust, correct, reserve, settle, rebuild, retire."""

from inventory_control.stock.services.adjusting import adjust, correct
from inventory_control.stock.services.claiming import (
    confirm,
    expire_due,
    lock_places,
    release,
    tell_claims,
)
from inventory_control.stock.services.days import add_up_days
from inventory_control.stock.services.demand import mark_again, mark_places, roll_up_demand
from inventory_control.stock.services.folding import settle_count
from inventory_control.stock.services.gathering import post_presented, reserve_presented
from inventory_control.stock.services.holding import (
    freeze,
    freeze_places,
    thaw_places,
    unfreeze,
)
from inventory_control.stock.services.mastering import (
    MASTERS,
    NEARS,
    follow_masters,
    mark_promoted,
)
from inventory_control.stock.services.partitioning import split_ledger
from inventory_control.stock.services.posting import in_one_transaction, post_events, post_rows
from inventory_control.stock.services.rebuilding import rebuild_balances
from inventory_control.stock.services.reserving import check, reserve
from inventory_control.stock.services.retiring import retire_due, retire_ledger
from inventory_control.stock.services.retrying import (
    Retried,
    post_named,
    release_letter,
    retry_found,
    retry_letter,
    retry_letters,
)
from inventory_control.stock.services.telling import post_facts

__all__ = [
    "MASTERS",
    "NEARS",
    "Retried",
    "add_up_days",
    "adjust",
    "check",
    "confirm",
    "correct",
    "expire_due",
    "follow_masters",
    "freeze",
    "freeze_places",
    "in_one_transaction",
    "lock_places",
    "mark_again",
    "mark_places",
    "mark_promoted",
    "post_events",
    "post_facts",
    "post_named",
    "post_presented",
    "post_rows",
    "rebuild_balances",
    "release",
    "release_letter",
    "reserve",
    "reserve_presented",
    "retire_due",
    "retire_ledger",
    "retry_found",
    "retry_letter",
    "retry_letters",
    "roll_up_demand",
    "settle_count",
    "split_ledger",
    "tell_claims",
    "thaw_places",
    "unfreeze",
]
