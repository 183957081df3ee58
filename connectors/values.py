"""What passes between connectors and their adapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Peer:
    """The other side as an adapter sees it: where it is, its secret, its own settings."""

    code: str
    url: str
    secret: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sending:
    """One instruction to push; `key` is what the other side recognises a repeat by."""

    kind: str
    key: str
    payload: Mapping[str, Any]
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What the other side acknowledged with."""

    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A verified webhook: the sender's id of the delivery, by which a redelivery is known."""

    delivery_id: str
