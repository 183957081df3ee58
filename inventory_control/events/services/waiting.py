"""Waiting: names nobody knows the meaning of, told to detection."""

from __future__ import annotations

from inventory_control.core.sql import hot_write
from inventory_control.events.selectors import waiting_names
from inventory_control.events.values import WaitingName

_TELL = """
    UPDATE events_deadletter SET is_told = true
     WHERE id IN (
               SELECT id FROM events_deadletter
                WHERE status = 'open' AND waits_noun <> '' AND NOT is_told
                ORDER BY id FOR UPDATE SKIP LOCKED
           )
"""


def take_waiting_names() -> list[WaitingName]:
    """Every name that rows wait for; the rows count as told from now on.

    Whatever starts to wait after this is told by the next look.
    """
    hot_write(_TELL, ())
    return waiting_names()
