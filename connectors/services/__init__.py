"""Commands at the border: configure, take in, deliver."""

from connectors.services.configuring import add_connector, pause, peer_of, resume
from connectors.services.delivering import deliver_due
from connectors.services.receiving import receive_webhook, take_in

__all__ = [
    "add_connector",
    "deliver_due",
    "pause",
    "peer_of",
    "receive_webhook",
    "resume",
    "take_in",
]
