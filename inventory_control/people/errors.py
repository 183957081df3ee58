"""Refusals of people and their keys."""

from __future__ import annotations

from inventory_control.core.errors import DomainError, NotPermitted


class KeyRefusedError(DomainError):
    """This key is unknown, revoked or expired."""

    code = "authentication_failed"
    status = 401


class WrongTierError(NotPermitted):
    """This key may not call endpoints of this tier."""

    code = "wrong_tier"
