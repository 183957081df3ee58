"""Accounts of the ledger and the transitions allowed between them (D2)."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import models

from inventory_control.catalog.states import Outside as Outside
from inventory_control.catalog.states import State as State


class Cause(models.TextChoices):
    """Why a ledger line exists: an event moved stock, or an assertion was accepted."""

    MOVE = "move", "Move"
    ASSERT = "assert", "Accepted count"


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
