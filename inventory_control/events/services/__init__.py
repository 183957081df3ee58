"""Commands of the inbox: draft, suspect, park, hold, hand over."""

from inventory_control.events.services.configuring import install_defaults
from inventory_control.events.services.drafting import Reading, draft_events, read_rows
from inventory_control.events.services.handing import hand_over, work_through
from inventory_control.events.services.holding import hold, note_redeliveries, take_held
from inventory_control.events.services.parking import (
    discard,
    mark_released,
    mark_retried,
    note_refusals,
    park,
)
from inventory_control.events.services.suspecting import hold_suspects
from inventory_control.events.services.waiting import take_waiting_names

__all__ = [
    "Reading",
    "discard",
    "draft_events",
    "hand_over",
    "hold",
    "hold_suspects",
    "install_defaults",
    "mark_released",
    "mark_retried",
    "note_redeliveries",
    "note_refusals",
    "park",
    "read_rows",
    "take_held",
    "take_waiting_names",
    "work_through",
]
