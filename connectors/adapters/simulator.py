"""The product's own simulator: ERP, warehouse and sales channels behind one socket.

Webhooks are signed as Standard Webhooks asks (id, timestamp, body). Its messages carry canonical
events; an instruction goes to the path of its kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from connectors.adapters.posting import deliver
from connectors.errors import (
    BadSignatureError,
    DeliveryFailedError,
    DeliveryRefusedError,
    UnreadableMessageError,
)
from connectors.values import DeliveryResult, Envelope, Peer, Sending

PATHS: Mapping[str, str] = {
    "purchase_order.create": "/purchase-orders",
    "purchase_order.cancel": "/purchase-orders/cancel",
    "transfer.create": "/transfers",
    "erp.change_request": "/change-requests",
    "erp.document": "/documents",
    "supplier.discrepancy": "/discrepancies",
    "availability.publish": "/availability",
    "order.ready": "/orders/ready",
    "order.promise_changed": "/orders/promise",
    "position.correct": "/positions/correct",
    "count.request": "/counts",
    "price.markdown": "/markdowns",
    "customer.notify": "/messages",
}
"""Where each kind of instruction goes."""
LISTINGS = "/listings/read"
"""Where a channel says what it shows."""


class _Message(msgspec.Struct):
    events: list[msgspec.Raw]


class _Shown(msgspec.Struct):
    shown: dict[str, int | None]


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
        headers = {"Idempotency-Key": sending.key, "X-Correlation-Id": sending.correlation_id}
        return _asked(peer, path, sending.payload, headers)

    def read_positions(
        self, peer: Peer, channel: str, skus: Sequence[str]
    ) -> Mapping[str, int | None]:
        """Ask the listings themselves, not what was acknowledged."""
        answer = _asked(peer, LISTINGS, {"channel": channel, "skus": list(skus)}, {}).answer
        try:
            return msgspec.convert(answer, _Shown).shown
        except msgspec.ValidationError as error:
            raise DeliveryFailedError(f"{peer.code} answered unreadably: {error}") from None


def _asked(
    peer: Peer, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> DeliveryResult:
    """The answer of the simulator to a POST, which it takes from whoever holds its secret."""
    sent = {"Authorization": f"Bearer {peer.secret}", **headers}
    return deliver(peer, peer.url.rstrip("/") + path, body, sent)
