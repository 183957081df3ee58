"""What is refused about what channels show."""

from __future__ import annotations

from inventory_control.core.errors import Conflict, Refused


class ReasonMissingError(Refused):
    """Say why, in a sentence."""

    code = "reason_missing"


class HeldByRuleError(Conflict):
    """An exposure rule holds this listing: to show it all the same takes a second person."""

    code = "held_by_rule"


class NotPausedError(Conflict):
    """This listing is not paused."""

    code = "not_paused"


class ChangeOutOfBoundsError(Refused):
    """The change is larger than policy allows at once."""

    code = "change_out_of_bounds"
