"""Posting to another system: what its answer means for a delivery."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.errors import DeliveryFailedError, DeliveryRefusedError
from connectors.values import DeliveryResult, Peer
from inventory_control.core.outbound_http import (
    ForbiddenAddressError,
    UnreachableError,
    post_json,
)

MAY_HEAL = frozenset({408, 409, 425, 429})
"""Client errors that a later try may not meet; every other one is final."""


def deliver(peer: Peer, url: str, body: object, headers: Mapping[str, str]) -> DeliveryResult:
    """POST a body; 4xx is final, everything else may heal.

    Raises `DeliveryFailedError` or `DeliveryRefusedError`.
    """
    try:
        answer = post_json(url, body, headers=headers)
    except UnreachableError as error:
        raise DeliveryFailedError(str(error)) from error
    except ForbiddenAddressError as error:
        raise DeliveryRefusedError(str(error)) from error
    if 200 <= answer.status < 300:
        return DeliveryResult(answer.body if isinstance(answer.body, dict) else {})
    said = f"{peer.code} answered {answer.status}: {str(answer.body)[:200]}"
    if answer.status in MAY_HEAL or answer.status >= 500:
        raise DeliveryFailedError(said)
    raise DeliveryRefusedError(said)
