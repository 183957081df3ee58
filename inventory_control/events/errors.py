"""Refusals of the inbox."""

from __future__ import annotations

from inventory_control.core.errors import Conflict, DomainError, Refused


class InvalidEventError(Refused):
    """The event is not valid; it was kept as a dead letter and not posted."""

    code = "invalid_event"


class ContentConflictError(Conflict):
    """This event id was used before with other content; both bodies are kept, nothing posted."""

    code = "content_conflict"


class BodyTooLargeError(Refused):
    """The body is larger than this endpoint takes; send it in parts."""

    code = "body_too_large"
    status = 413


class NotSuspectedError(Conflict):
    """This row is not held as a suspected duplicate; retry it instead."""

    code = "not_suspected"


class UnreadableBodyError(Refused):
    """The body could not be read."""

    code = "unreadable_body"
    status = 400


class UnknownEventError(DomainError):
    """There is no such event."""

    code = "unknown_event"
    status = 404


class UnknownWorkError(DomainError):
    """No consumer gave up on that."""

    code = "unknown_work"
    status = 404


class InvalidSourceError(Refused):
    """What was said of a source is not valid; nothing of the call was stored."""

    code = "invalid_source"
