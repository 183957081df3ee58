"""Refusals at the border, and the two ways a delivery fails."""

from __future__ import annotations

from inventory_control.core.errors import Conflict, DomainError, Refused


class UnknownConnectorError(DomainError):
    """There is no such connector."""

    code = "unknown_connector"
    status = 404


class BadSignatureError(DomainError):
    """The signature does not fit this body, or its time is out of bounds; nothing was stored."""

    code = "bad_signature"
    status = 401


class UnreadableMessageError(Refused):
    """The message could not be read."""

    code = "unreadable_message"


class InvalidConnectorError(Refused):
    """This connector's configuration does not hold together."""

    code = "invalid_connector"


class DeliveryFailedError(Exception):
    """The other side did not take it; trying again may help."""


class DeliveryRefusedError(Exception):
    """The other side will not take it, however often it is sent."""


class CalledOffError(Exception):
    """What it would tell is no longer right; it does not leave."""


class UnknownReplayError(DomainError):
    """There is no such replay."""

    code = "unknown_replay"
    status = 404


class UnknownHoldError(DomainError):
    """There is no such legal hold."""

    code = "unknown_hold"
    status = 404


class LegalHoldError(Conflict):
    """A legal hold covers what would be taken in again; nothing was."""

    code = "legal_hold"


class PreviewMismatchError(Conflict):
    """The number confirmed is not the number previewed; nothing was started."""

    code = "preview_mismatch"


class StalePreviewError(Conflict):
    """This preview is older than an hour; preview the replay again and confirm that."""

    code = "stale_preview"


class NothingToTellError(Conflict):
    """Nothing waits for this subscriber."""

    code = "nothing_to_tell"
