"""Accounts of the ledger and the transitions allowed between them (D2)."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import models

from inventory_control.catalog.states import Outside as Outside
from inventory_control.catalog.states import State as State
from inventory_control.core.flow import Flow


class Cause(models.TextChoices):
    """Why a ledger line exists: an event moved stock, an assertion was accepted, or it is what an
    account came to in parts of the ledger that were retired.

    What counts had settled by then is CARRIED; the moves since, which the next count adds up, are
    CARRIED_MOVE.
    """

    MOVE = "move", "Move"
    ASSERT = "assert", "Accepted count"
    CARRIED = "carried", "Carried forward"
    CARRIED_MOVE = "carried_move", "Moves carried forward"


NO_EVENT = 0
"""What a line carried forward has in place of an event: it sums up many."""


class Verdict(models.TextChoices):
    """What the policy, or a person, says of an asserted quantity.

    ACCEPTED, PENDING and SUPERSEDED are recomputed whenever earlier events arrive; APPROVED,
    REJECTED and WITHDRAWN are a person's or a correction's, and final.
    """

    ACCEPTED = "accepted", "Accepted by policy"
    PENDING = "pending", "Out of tolerance, waits for a person"
    SUPERSEDED = "superseded", "Overtaken by a later count"
    APPROVED = "approved", "Approved by a person"
    REJECTED = "rejected", "Rejected by a person"
    WITHDRAWN = "withdrawn", "Withdrawn by a correction"


FINAL_VERDICTS = frozenset({Verdict.APPROVED, Verdict.REJECTED, Verdict.WITHDRAWN})


class Effect(models.TextChoices):
    """What a move does to the books of account: its financial class."""

    NONE = "none", "None"
    GOODS_IN = "goods_in", "Goods come into the books"
    GOODS_OUT = "goods_out", "Goods leave the books"
    IN_HOUSE = "in_house", "Goods change place, not owner"
    CONDITION = "condition", "Goods change condition"
    ADJUSTED = "adjusted", "The books are put right"
    LOST = "lost", "Value is lost"


class Form(models.TextChoices):
    """The document of the ERP a move expects."""

    NONE = "none", "None"
    RECEIPT = "receipt", "Receipt"
    TRANSFER = "transfer", "Transfer"
    SALE = "sale", "Sale to another legal entity"
    PURCHASE = "purchase", "Purchase from another legal entity"
    ADJUSTMENT = "adjustment", "Adjustment"
    WRITE_OFF = "write_off", "Write-off"
    RETURN = "return", "Return"


INSPECTED_TO: Mapping[str, frozenset[str]] = {
    State.RECEIVED: frozenset(
        {
            State.SELLABLE,
            State.QUARANTINED,
            State.REFURBISHABLE,
            State.DAMAGED,
            State.VENDOR_RETURN,
        }
    ),
    State.QUARANTINED: frozenset(
        {State.SELLABLE, State.REFURBISHABLE, State.DAMAGED, State.VENDOR_RETURN}
    ),
    State.REFURBISHABLE: frozenset({State.SELLABLE, State.DAMAGED}),
    State.DAMAGED: frozenset({State.QUARANTINED, State.VENDOR_RETURN}),
}
"""Where an inspection may send stock. Damaged goods reach sellable only through quarantine."""


class HoldStatus(models.TextChoices):
    """A hold freezes until somebody lifts it."""

    PLACED = "placed", "In force"
    LIFTED = "lifted", "Lifted"


HOLD_FLOW = Flow(
    {HoldStatus.PLACED: frozenset({HoldStatus.LIFTED}), HoldStatus.LIFTED: frozenset()}
)
