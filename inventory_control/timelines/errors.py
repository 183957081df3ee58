"""Refusals of timelines."""

from __future__ import annotations

from inventory_control.core.errors import DomainError, Refused


class UnknownObjectError(DomainError):
    """Nothing was ever told of such an order or document."""

    code = "unknown_object"
    status = 404


class NotTouchedError(Refused):
    """This event did not touch that exception; take the cases from its consequences."""

    code = "not_touched"
