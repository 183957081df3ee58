"""Commands of the inbox: draft, park, hold, hand over."""

from inventory_control.events.services.drafting import Reading, draft_events, read_rows
from inventory_control.events.services.handing import hand_over, retry_work, work_through
from inventory_control.events.services.holding import hold, note_redeliveries, take_held
from inventory_control.events.services.parking import discard, mark_retried, park
from inventory_control.events.services.telling import forget_told, note_events, note_positions

__all__ = [
    "Reading",
    "discard",
    "draft_events",
    "forget_told",
    "hand_over",
    "hold",
    "mark_retried",
    "note_events",
    "note_positions",
    "note_redeliveries",
    "park",
    "read_rows",
    "retry_work",
    "take_held",
    "work_through",
]
