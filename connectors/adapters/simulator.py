"""The product's own simulator: ERP, warehouse and sales channels behind one socket.

Webhooks are signed as Standard Webhooks asks (id, timestamp, body). Its messages carry canonical
events; an instruction goes to the path of its kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from connectors.adapters.posting import deliver
from connectors.errors import (
    BadSignatureError,
    DeliveryRefusedError,
    UnreadableMessageError,
)
from connectors.values import DeliveryResult, Envelope, Peer, Sending

PATHS: Mapping[str, str] = {
    "purchase_order.create": "/purchase-orders",
    "purchase_order.cancel": "/purchase-orders/cancel",
    "transfer.create": "/transfers",
    "availability.publish": "/availability",
}
"""Where each kind of instruction goes."""


class _Message(msgspec.Struct):
    events: list[msgspec.Raw]


_decode = msgspec.json.Decoder(_Message).decode


class Simulator:
    """Speaks to `connectors.simulators`."""

    key = "simulator"
    meaning = "ERP, warehouse and channels of the simulator process."

    def verify(self, peer: Peer, headers: Mapping[str, str], body: bytes) -> Envelope:
        """Check signature and timestamp (five minutes either way, real time)."""
        lowered = {name.lower(): value for name, value in headers.items()}
        try:
            Webhook(peer.secret).verify(body, lowered)
        except (WebhookVerificationError, ValueError) as error:
            raise BadSignatureError from error
        return Envelope(delivery_id=lowered["webhook-id"][:200])

    def parse(self, peer: Peer, body: bytes) -> Sequence[bytes]:
        """The canonical events of a message, each still undecoded."""
        del peer
        try:
            return [bytes(event) for event in _decode(body).events]
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise UnreadableMessageError(f"The message is not readable: {error}") from None

    def push(self, peer: Peer, sending: Sending) -> DeliveryResult:
        """POST the payload under its idempotency key; 4xx is final, everything else may heal."""
        path = PATHS.get(sending.kind)
        if path is None:
            raise DeliveryRefusedError(f"The simulator takes no {sending.kind}.")
        headers = {
            "Idempotency-Key": sending.key,
            "Authorization": f"Bearer {peer.secret}",
            "X-Correlation-Id": sending.correlation_id,
        }
        return deliver(peer, peer.url.rstrip("/") + path, sending.payload, headers)
