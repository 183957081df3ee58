"""Substituting: a customer takes an approved stand-in, and the claim moves over to it."""

from __future__ import annotations

from inventory_control.audit.services import record
from inventory_control.catalog.models import Item, Node, Substitute
from inventory_control.core.actors import Actor
from inventory_control.core.permissions import require
from inventory_control.fulfilment import permissions
from inventory_control.fulfilment.errors import (
    NoSubstituteError,
    NothingWantedError,
    NotServedError,
    UnknownNameError,
)
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.states import BackorderStatus
from inventory_control.fulfilment.values import ALLOCATIONS, Piece
from inventory_control.stock.selectors import claim_of_line
from inventory_control.stock.services import in_one_transaction, lock_places, tell_claims
from inventory_control.stock.values import ClaimTold


def accept_substitute(
    *, order: str, line: str, substitute: str, quantity: int, node: str, by: Actor
) -> Piece:
    """Give an order line another item: what it held or waited for is released, the substitute
    allocated under the line's name and its own (`1~SKU`), both or neither.

    Raises `NothingWantedError` when the line neither holds nor waits for so many units,
    `NoSubstituteError` without an approved relation, `NotServedError` when there is not enough.
    """
    require(by, permissions.ALLOCATE)
    at = Node.objects.filter(code=node).first()
    if at is None:
        raise UnknownNameError(f"No node is called {node}.", field="node")

    def swap() -> list[Piece]:
        item_id, place = _wanted(order, line, quantity)
        other = _approved(item_id, substitute)
        free = lock_places({(other.pk, at.pk), place}).get((other.pk, at.pk), 0)
        if free is None or free < quantity:
            raise NotServedError(
                f"{free or 0} of {substitute} available at {node}.",
                field="quantity",
                extra={"available": free or 0},
            )
        name = f"{line}~{substitute}"
        tell_claims(
            [
                ClaimTold(
                    kind="reservation.released",
                    order=order,
                    line=line,
                    place=place,
                    quantity=quantity,
                    name=f"{order}/{name}/given-up",
                    attributes={"substitute": substitute},
                ),
                ClaimTold(
                    kind="allocation.created",
                    order=order,
                    line=name,
                    place=(other.pk, at.pk),
                    quantity=quantity,
                    name=f"{order}/{name}",
                    attributes={"requested": quantity},
                ),
            ],
            source=ALLOCATIONS,
            by=by,
        )
        record(
            "substitute.accepted",
            subject=("order", order),
            by=by,
            data={"line": line, "substitute": substitute, "node": node, "units": quantity},
        )
        return [Piece(name, node, quantity)]

    return in_one_transaction(swap)[0]


def _wanted(order: str, line: str, quantity: int) -> tuple[int, tuple[int, int]]:
    """The item of an order line and where it was to come from, if it wants so many units."""
    claim = claim_of_line(order, line)
    waiting = list(
        Backorder.objects.select_for_update().filter(
            order=order, line=line, status=BackorderStatus.WAITING
        )
    )
    units = (claim.open if claim else 0) + sum(row.quantity - row.allocated for row in waiting)
    if claim is not None:
        units -= claim.excess
    if quantity > units:
        raise NothingWantedError(
            f"{order}/{line} holds or waits for {max(0, units)} units.", field="quantity"
        )
    item_id, node_id = (
        (claim.item_id, claim.node_id) if claim else (waiting[0].item_id, waiting[0].node_id)
    )
    return item_id, (item_id, node_id)


def _approved(item_id: int, sku: str) -> Item:
    relation = (
        Substitute.objects.select_related("substitute")
        .filter(item_id=item_id, substitute__sku=sku, is_approved=True)
        .first()
    )
    if relation is None:
        raise NoSubstituteError(f"{sku} is no approved substitute here.", field="substitute")
    other: Item = relation.substitute
    return other
