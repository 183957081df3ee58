"""Refusals of reconciliation."""

from __future__ import annotations

from inventory_control.core.errors import Conflict, DomainError, Refused


class InvalidTermsError(Refused):
    """The policy of reconciliation does not hold together; nothing was changed."""

    code = "invalid_policy"


class UnknownDiscrepancyError(DomainError):
    """There is no such discrepancy."""

    code = "not_found"
    status = 404


class ClosedDiscrepancyError(Conflict):
    """This discrepancy is closed; the next comparison opens a new one if the numbers differ."""

    code = "discrepancy_closed"


class OwnProposalError(Refused):
    """Whoever proposed a remedy may not approve it."""

    code = "own_proposal"
    status = 403


class SignedAlreadyError(Conflict):
    """This day was signed off before."""

    code = "signed_already"
