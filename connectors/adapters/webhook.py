"""Any subscriber: what it asked for is posted to its address, signed as Standard Webhooks asks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
from standardwebhooks.webhooks import Webhook

from connectors.adapters.posting import deliver
from connectors.errors import (
    BadSignatureError,
    DeliveryRefusedError,
    UnreadableMessageError,
)
from connectors.values import DeliveryResult, Envelope, Peer, Sending
from inventory_control.core import clock


class WebhookSubscriber:
    """Posts one body per delivery; its id is that of its content, so a repeat is recognised."""

    key = "webhook"
    meaning = "A subscriber of events and positions."

    def verify(self, peer: Peer, headers: Mapping[str, str], body: bytes) -> Envelope:
        """A subscriber is told and tells nothing."""
        del headers, body
        raise BadSignatureError(f"{peer.code} is a subscriber; it may not send anything here.")

    def parse(self, peer: Peer, body: bytes) -> Sequence[bytes]:
        """See `verify`."""
        del body
        raise UnreadableMessageError(f"{peer.code} is a subscriber; it sends nothing.")

    def push(self, peer: Peer, sending: Sending) -> DeliveryResult:
        """Sign and post; the time in the signature is real time, as for every signature."""
        body = msgspec.json.encode(sending.payload)
        delivery, now = f"msg_{hashlib.sha256(body).hexdigest()[:32]}", clock.real_now()
        try:
            signature = Webhook(peer.secret).sign(delivery, now, body.decode())
        except (ValueError, RuntimeError) as error:
            raise DeliveryRefusedError(f"The secret of {peer.code} signs nothing.") from error
        headers = {
            "webhook-id": delivery,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
            "X-Correlation-Id": sending.correlation_id,
        }
        return deliver(peer, peer.url, msgspec.Raw(body), headers)

    def read_positions(
        self, peer: Peer, channel: str, skus: Sequence[str]
    ) -> Mapping[str, int | None]:
        """A subscriber shows nothing, so it cannot be asked for any item."""
        del peer, channel, skus
        return {}
