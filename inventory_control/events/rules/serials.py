"""Where one unit is, by its serial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from inventory_control.events.states import SerialState
from inventory_control.events.values import SerialFact, SerialStory

_UNIT_GOES: Mapping[str, str] = {
    "sale.recorded": SerialState.SOLD,
    "order.shipped": SerialState.SOLD,
    "return.received": SerialState.RETURNED,
    "return.inspected": SerialState.RETURNED,
    "receipt.recorded": SerialState.IN_STOCK,
    "putaway.recorded": SerialState.IN_STOCK,
    "transfer.shipped": SerialState.IN_TRANSIT,
    "transfer.received": SerialState.IN_STOCK,
    "damage.recorded": SerialState.DAMAGED,
    "disposal.recorded": SerialState.GONE,
    "vendor_return.shipped": SerialState.GONE,
}
_INSPECTED = {"sellable": SerialState.IN_STOCK, "damaged": SerialState.DAMAGED}


def serial_story(facts: Sequence[SerialFact]) -> SerialStory:
    """Where one unit is, from all that is known of it, in order of (occurred_at, source, id).

    A unit that comes back without a sale before is unknown, until a sale of it arrives late.
    """
    is_sold, is_unknown = False, False
    returned_at: datetime | None = None
    returned_to: int | None = None
    for fact in facts:
        if fact.type in ("sale.recorded", "order.shipped"):
            is_sold = True
        elif fact.type == "return.received":
            is_unknown = is_unknown or not is_sold
            returned_at, returned_to = fact.occurred_at, fact.node_id
    last = facts[-1]
    state = _UNIT_GOES[last.type]
    if last.type == "return.inspected":
        state = _INSPECTED.get(last.to_state, state)
    return SerialStory(
        state=state,
        node_id=last.to_node_id or last.node_id,
        occurred_at=last.occurred_at,
        returned_at=returned_at,
        returned_to=returned_to,
        is_unknown=is_unknown,
        order=next((fact.order for fact in reversed(facts) if fact.order), ""),
        lot=next((fact.lot for fact in reversed(facts) if fact.lot), ""),
        supplier=next((fact.supplier for fact in reversed(facts) if fact.supplier), ""),
    )
