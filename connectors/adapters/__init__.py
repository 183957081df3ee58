"""The systems the product can speak to, by key. A new one is a file here and a payload folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from connectors.adapters.simulator import Simulator
from connectors.values import DeliveryResult, Envelope, Peer, Sending
from inventory_control.core.registry import Registry


class Adapter(Protocol):
    """What every adapter does: check a webhook, turn it into events, push an instruction."""

    key: str
    meaning: str

    def verify(self, peer: Peer, headers: Mapping[str, str], body: bytes) -> Envelope:
        """The envelope of a genuine delivery; raises `BadSignatureError`."""
        ...

    def parse(self, peer: Peer, body: bytes) -> Sequence[bytes]:
        """Raw canonical events of a message; raises `UnreadableMessageError`."""
        ...

    def push(self, peer: Peer, sending: Sending) -> DeliveryResult:
        """Deliver; raises `DeliveryFailedError` (try again) or `DeliveryRefusedError` (do not)."""
        ...

    def read_positions(
        self, peer: Peer, channel: str, skus: Sequence[str]
    ) -> Mapping[str, int | None]:
        """What a channel shows of some items, None for those it does not list.

        Raises as `push` does. Items the channel cannot be asked for are missing.
        """
        ...


ADAPTERS: Registry[Adapter] = Registry("adapter", Simulator())

__all__ = ["ADAPTERS", "Adapter"]
