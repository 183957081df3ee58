"""Orders made as a workflow would make them, and what the audit log was told of them."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from inventory_control.catalog.models import Item, Node
from inventory_control.core import clock
from inventory_control.orders.models import PurchaseOrder
from inventory_control.orders.services import place_purchases
from inventory_control.orders.values import WantedPurchase, WantedTransfer
from tests.factories import SYSTEM

_numbers = itertools.count(1)


def wanted(
    of: Item, at: Node, quantity: int = 10, *, due: datetime | None = None, **fields: Any
) -> WantedPurchase:
    """A purchase of an item from its supplier, a week from now, at its cost."""
    return WantedPurchase(
        **{
            "reference": f"run-{next(_numbers)}",
            "item_id": of.pk,
            "node_id": at.pk,
            "supplier_id": of.supplier_id,
            "quantity": quantity,
            "unit_cost": Decimal("4.50"),
            "expected_at": due or clock.now() + timedelta(days=7),
            **fields,
        }
    )


def wanted_transfer(of: Item, source: Node, target: Node, quantity: int = 5) -> WantedTransfer:
    """A transfer that should arrive tomorrow."""
    return WantedTransfer(
        reference=f"run-{next(_numbers)}",
        item_id=of.pk,
        from_node_id=source.pk,
        to_node_id=target.pk,
        quantity=quantity,
        unit_cost=Decimal("4.50"),
        expected_at=clock.now() + timedelta(days=1),
    )


def placed(of: Item, at: Node, quantity: int = 10, **fields: Any) -> PurchaseOrder:
    """One order of ours as it stands after placing."""
    (number,) = place_purchases([wanted(of, at, quantity, **fields)], by=SYSTEM).values()
    order: PurchaseOrder = PurchaseOrder.objects.get(number=number)
    return order


def looked_at(expected_at: datetime) -> datetime:
    """When a document expected then is looked at again: after the hour it should have come in."""
    return expected_at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def told(subject_kind: str) -> list[str]:
    """What the audit log was told about one kind of subject, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT verb FROM entry WHERE subject_kind = %s ORDER BY id", [subject_kind])
        return [verb for (verb,) in cursor.fetchall()]
