"""The life of an exposure hold, and what may be done while a source is silent."""

from __future__ import annotations

from django.db import models

from inventory_control.core.flow import Flow


class HoldStatus(models.TextChoices):
    """Held until what may be sold has recovered for long enough, or its rule ends.

    A hold that two people waived stays until then too, so that its rule does not hold again at
    once; meanwhile the channel shows what it may sell.
    """

    HELD = "held", "Held"
    WAIVED = "waived", "Waived"
    RELEASED = "released", "Released"


class Fallback(models.TextChoices):
    """What channels do while a source that speaks of their nodes is silent."""

    FLAG = "flag", "Show the last known figure"
    BUFFER = "buffer", "Keep more back"
    HOLD = "hold", "Show nothing"


HOLD_FLOW = Flow(
    {
        HoldStatus.HELD: frozenset({HoldStatus.WAIVED, HoldStatus.RELEASED}),
        HoldStatus.WAIVED: frozenset({HoldStatus.RELEASED}),
        HoldStatus.RELEASED: frozenset(),
    }
)
HOLD_LIVE = (HoldStatus.HELD, HoldStatus.WAIVED)
