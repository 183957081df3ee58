"""Commands of the inbox: draft, suspect, park, hold, hand over; sources, and masters by event."""

from inventory_control.events.services.configuring import install_defaults
from inventory_control.events.services.drafting import Reading, draft_events, read_rows
from inventory_control.events.services.handing import hand_over, retry_work, work_through
from inventory_control.events.services.holding import hold, note_redeliveries, take_held
from inventory_control.events.services.mastering import (
    fold_masters,
    items_waiting_for,
    known_facts,
)
from inventory_control.events.services.parking import (
    discard,
    mark_released,
    mark_retried,
    note_refusals,
    park,
)
from inventory_control.events.services.resolving import AskedNames, ask_places
from inventory_control.events.services.scoring import score_days
from inventory_control.events.services.serials import fold_serials
from inventory_control.events.services.shelves import fold_shelves
from inventory_control.events.services.sourcing import (
    put_sources,
    roll_up_sources,
    set_freshness,
    take_noted_sources,
)
from inventory_control.events.services.suspecting import hold_suspects
from inventory_control.events.services.telling import forget_told, note_events, note_positions
from inventory_control.events.services.waiting import take_waiting_names

__all__ = [
    "AskedNames",
    "Reading",
    "ask_places",
    "discard",
    "draft_events",
    "fold_masters",
    "fold_serials",
    "fold_shelves",
    "forget_told",
    "hand_over",
    "hold",
    "hold_suspects",
    "install_defaults",
    "items_waiting_for",
    "known_facts",
    "mark_released",
    "mark_retried",
    "note_events",
    "note_positions",
    "note_redeliveries",
    "note_refusals",
    "park",
    "put_sources",
    "read_rows",
    "retry_work",
    "roll_up_sources",
    "score_days",
    "set_freshness",
    "take_held",
    "take_noted_sources",
    "take_waiting_names",
    "work_through",
]
