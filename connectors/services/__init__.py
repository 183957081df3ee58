"""Commands at the border: configure, take in, deliver, take in again."""

from connectors.services.configuring import add_connector, pause, peer_of, resume
from connectors.services.delivering import deliver_due
from connectors.services.holding import lift_hold, place_hold
from connectors.services.notifying import tell_subscribers
from connectors.services.previewing import preview_replay, start_replay, stop_replay
from connectors.services.receiving import receive_webhook, take_in
from connectors.services.replaying import replay_due
from connectors.services.subscribing import name_owner, redeliver, subscribe, unsubscribe

__all__ = [
    "add_connector",
    "deliver_due",
    "lift_hold",
    "name_owner",
    "pause",
    "peer_of",
    "place_hold",
    "preview_replay",
    "receive_webhook",
    "redeliver",
    "replay_due",
    "resume",
    "start_replay",
    "stop_replay",
    "subscribe",
    "take_in",
    "tell_subscribers",
    "unsubscribe",
]
