"""The refusals of the product: one base class and the four kinds every door knows how to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class DomainError(Exception):
    """Something was refused; nothing was written.

    The docstring of a subclass is the sentence the user reads; `detail` replaces it when the
    case has figures to name. `field` is the path of the offending input (`lines[3].quantity`),
    `extra` holds machine-readable facts a client may act on.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422

    def __init__(
        self,
        detail: str | None = None,
        *,
        field: str | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        self.detail = detail or " ".join((type(self).__doc__ or "Refused.").split())
        self.field = field
        self.extra = dict(extra or {})
        super().__init__(self.detail)


class Refused(DomainError):
    """The input does not fit the rules."""

    code = "refused"
    status = 422


class NotPermitted(DomainError):
    """This actor may not do that."""

    code = "not_permitted"
    status = 403


class IllegalMove(DomainError):
    """The row is not in a state that allows this."""

    code = "illegal_move"
    status = 409


class Conflict(DomainError):
    """Somebody or something else got there first."""

    code = "conflict"
    status = 409
