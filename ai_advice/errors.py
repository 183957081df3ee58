"""Refusals of advice."""

from __future__ import annotations

from inventory_control.core.errors import Conflict, Refused


class InvalidAdviceError(Refused):
    """The advice does not fit its case."""

    code = "invalid_advice"


class StaleAdviceError(Conflict):
    """The case changed since this advice was made; look at it again."""

    code = "stale_advice"
