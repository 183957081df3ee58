"""Refusals of the ledger."""

from __future__ import annotations

from inventory_control.core.errors import Conflict, DomainError, Refused


class UnknownStateError(Refused):
    """The event names a stock state its type does not know."""

    code = "unknown_state"


class ForbiddenTransitionError(Refused):
    """Stock in this state cannot become that one."""

    code = "forbidden_transition"


class NotAvailableError(Conflict):
    """There is not enough stock available to sell."""

    code = "not_available"


class NothingReservedError(Conflict):
    """This order line holds less than that."""

    code = "nothing_reserved"


class FrozenError(Conflict):
    """The item is frozen at this node until a hold is lifted or a count is settled."""

    code = "frozen"


class ReservationEndedError(Conflict):
    """This order line was reserved before and gave everything back; reserve under another line."""

    code = "reservation_ended"


class UnknownChannelError(Refused):
    """No channel has this code; leave it out or create the channel first."""

    code = "unknown_channel"


class InvalidLineError(Refused):
    """A line names its order, and a moment that can be true."""

    code = "invalid_line"


class UnknownPlaceError(Refused):
    """No item or node has this code."""

    code = "unknown_place"


class InvalidTermsError(Refused):
    """This policy does not hold together."""

    code = "invalid_policy"


class InvalidExpiryError(Refused):
    """A reservation expires at a moment still to come, named once."""

    code = "invalid_expiry"


class BeforeHorizonError(Refused):
    """The ledger of that time was retired; ask for a later moment."""

    code = "before_horizon"


class NotRetirableError(Conflict):
    """This part of the ledger may not be retired yet."""

    code = "not_retirable"


class LedgerBusyError(Conflict):
    """The ledger could not be had for a moment, nothing was retired; try again."""

    code = "ledger_busy"


class ContentionError(DomainError):
    """Other writers held these rows for too long; nothing was posted. Send it again."""

    code = "contention"
    status = 503
