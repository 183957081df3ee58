"""The life of an exposure hold."""

from __future__ import annotations

from django.db import models

from inventory_control.core.flow import Flow


class HoldStatus(models.TextChoices):
    """Held until what may be sold has recovered for long enough, or its rule ends."""

    HELD = "held", "Held"
    RELEASED = "released", "Released"


HOLD_FLOW = Flow(
    {
        HoldStatus.HELD: frozenset({HoldStatus.RELEASED}),
        HoldStatus.RELEASED: frozenset(),
    }
)
