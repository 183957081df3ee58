"""The life of a backorder."""

from __future__ import annotations

from django.db import models

from inventory_control.core.flow import Flow


class BackorderStatus(models.TextChoices):
    """Waiting for stock until all of it is allocated, or nobody wants it any more."""

    WAITING = "waiting", "Waiting for stock"
    ALLOCATED = "allocated", "Allocated"
    CANCELLED = "cancelled", "Cancelled"


BACKORDER_FLOW = Flow(
    {
        BackorderStatus.WAITING: frozenset({BackorderStatus.ALLOCATED, BackorderStatus.CANCELLED}),
        BackorderStatus.ALLOCATED: frozenset({BackorderStatus.WAITING}),
        BackorderStatus.CANCELLED: frozenset({BackorderStatus.WAITING}),
    }
)
"""A correction that asks for more than was allocated or cancelled waits again."""


class Service(models.TextChoices):
    """What an order was promised beyond its goods: premium ones are served first."""

    PREMIUM = "premium", "Premium"
    STANDARD = "standard", "Standard"
