"""The inventory statuses everybody is mapped to (EVT-14): accounts of stock, inside and outside."""

from __future__ import annotations

from django.db import models


class State(models.TextChoices):
    """Physical states of stock at a node. Their sum is what lies there, in any condition."""

    RECEIVED = "received", "Received, awaiting inspection"
    QUARANTINED = "quarantined", "Quarantined"
    SELLABLE = "sellable", "Sellable"
    REFURBISHABLE = "refurbishable", "Refurbishable"
    DAMAGED = "damaged", "Damaged"
    VENDOR_RETURN = "vendor_return", "Return to vendor"
    IN_TRANSIT = "in_transit", "In transit to this node"


class Outside(models.TextChoices):
    """Accounts outside the house: ledger lines without a balance row."""

    SUPPLIER = "supplier", "Supplier"
    CUSTOMER = "customer", "Customer"
    ADJUSTMENT = "adjustment", "Adjustment"
    DISPOSAL = "disposal", "Disposal"


STATES = frozenset({*State.values, *Outside.values})
"""Every status an event may name in the product's own words."""
