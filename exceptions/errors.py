"""Refusals of exceptions."""

from __future__ import annotations

from inventory_control.core.errors import Conflict, Refused


class UnknownCaseError(Refused):
    """There is no such exception."""

    code = "unknown_case"
    status = 404


class ReasonMissingError(Refused):
    """Closing an exception needs a reason; say in a sentence why."""

    code = "reason_missing"


class LiveTwinError(Conflict):
    """This risk has a live exception already; work on that one."""

    code = "live_twin"


class ClosedCaseError(Conflict):
    """This exception is closed; put it back in the queue first."""

    code = "closed_case"
