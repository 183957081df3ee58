"""Settling: what sender and receiver of a transfer disagree about is found, sent back or lost."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from inventory_control.audit.services import record
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Conflict, Refused
from inventory_control.core.permissions import require
from inventory_control.events.selectors import document_history
from inventory_control.orders import permissions
from inventory_control.orders.models import TransferOrder
from inventory_control.orders.rules import TransferStory, transfer_story
from inventory_control.orders.states import Settlement
from inventory_control.stock.services import post_facts

SOURCE = "orders"
_TYPES = {
    Settlement.FOUND: "transfer.received",
    Settlement.RETURNED: "transfer.returned",
    Settlement.WRITTEN_OFF: "transfer.written_off",
}


@transaction.atomic
def settle_transfer(
    *, number: str, settlement: str, quantity: int, reason: str, by: Actor
) -> TransferOrder:
    """Say what became of units in transit: found after all, gone back, or written off.

    The fact goes in as an event, so ledger, transfer and ERP follow it as any other. Of what came
    beyond what was shipped, a negative number may be written off. Raises `Refused` for more than is
    in transit, `Conflict` for a transfer that is not there.
    """
    require(by, permissions.PLACE)
    if settlement not in Settlement.values:
        raise Refused(f"Settle as one of: {', '.join(Settlement.values)}.", field="settlement")
    if not reason.strip():
        raise Refused("Say why.", field="reason")
    one = (
        TransferOrder.objects.select_for_update(of=("self",))
        .select_related("item", "from_node", "to_node")
        .filter(number=number)
        .first()
    )
    if one is None:
        raise Conflict(f"There is no transfer {number}.", field="number")
    story = transfer_story(document_history([number])[number])
    _refuse_more_than_there_is(story, settlement, quantity)
    body = _fact(one, story, settlement, quantity, reason.strip())
    post_facts([body], source=SOURCE, by=by)
    record(
        "transfer.settled",
        subject=("transferorder", str(one.pk)),
        by=by,
        data={"settlement": settlement, "quantity": quantity, "reason": reason.strip()},
    )
    return one


def _refuse_more_than_there_is(story: TransferStory, settlement: str, quantity: int) -> None:
    left = story.in_transit
    is_surplus = settlement == Settlement.WRITTEN_OFF and left < 0
    lowest, highest = (left, -1) if is_surplus else (1, max(left, 0))
    if not lowest <= quantity <= highest:
        raise Refused(
            f"{left} units are in transit; {quantity} cannot be settled as {settlement}.",
            field="quantity",
            extra={"in_transit": left},
        )


def _fact(
    one: TransferOrder, story: TransferStory, settlement: str, quantity: int, reason: str
) -> dict[str, Any]:
    """The event of a settlement; its id tells apart settlements of one transfer, whoever asks."""
    place = f"{story.received}.{story.returned}.{story.written_off}"
    body: dict[str, Any] = {
        "type": _TYPES[Settlement(settlement)],
        "source_id": f"{one.number}/{settlement}/{place}",
        "occurred_at": clock.now(),
        "document": one.number,
        "item": one.item.sku,
        "node": one.to_node.code,
        "quantity": quantity,
        "reason": reason[:200],
    }
    if settlement == Settlement.RETURNED:
        body["to_node"] = one.from_node.code
    return body
