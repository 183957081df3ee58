"""What becomes of a claim: confirmed, given back, or expired; always as events, never as edits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from django.db import connection, transaction

from inventory_control.catalog.models import Item, Node
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.permissions import require
from inventory_control.events.services import draft_events, read_rows
from inventory_control.events.values import EventDraft
from inventory_control.stock import permissions
from inventory_control.stock.errors import FrozenError, NothingReservedError
from inventory_control.stock.selectors import free_at
from inventory_control.stock.services.posting import in_one_transaction, post_events
from inventory_control.stock.services.reserving import SOURCE, event_id_of, poster
from inventory_control.stock.values import ClaimTold

BATCH = 1_000
EXPIRED = "expired"
_HELD = """
    SELECT r.key, i.sku, n.code, r.open, r.assigned, r.confirmed, r.released
      FROM stock_reservation r
      JOIN catalog_item i ON i.id = r.item_id
      JOIN catalog_node n ON n.id = r.node_id
     WHERE r.key = %s
       FOR UPDATE OF r
"""
_FROZEN = """
    SELECT b.counts_pending + b.holds > 0
      FROM stock_stockbalance b
      JOIN catalog_item i ON i.id = b.item_id
      JOIN catalog_node n ON n.id = b.node_id
     WHERE i.sku = %s AND n.code = %s
       FOR UPDATE OF b
"""
_LAPSED = """
    UPDATE stock_reservation r SET expired_at = %(now)s
      FROM (
               SELECT key FROM stock_reservation
                WHERE expires_at <= %(now)s AND expires_at IS NOT NULL AND expired_at IS NULL
                ORDER BY key LIMIT %(limit)s FOR UPDATE
           ) AS due,
           catalog_item i, catalog_node n
     WHERE r.key = due.key AND i.id = r.item_id AND n.id = r.node_id
    RETURNING r.key, i.sku, n.code, r.open, r.assigned, r.confirmed, r.released
"""


@dataclass(frozen=True, slots=True)
class _Held:
    """A claim under its lock."""

    key: str
    sku: str
    node: str
    open: int
    assigned: int
    confirmed: int
    released: int

    def told(self, kind: str, quantity: int, name: str, **more: object) -> Mapping[str, object]:
        """The event that changes it; `name` makes its id the same at every try.

        Wherever a key with several slashes is divided, it names the same claim.
        """
        order, _, line = self.key.rpartition("/")
        return {
            "type": kind,
            "source_id": event_id_of(f"{self.key}/{name}"),
            "occurred_at": clock.now(),
            "item": self.sku,
            "node": self.node,
            "quantity": quantity,
            "order": order,
            "line": line,
            **more,
        }


@transaction.atomic
def confirm(*, order: str, line: str, quantity: int | None = None, by: Actor) -> int:
    """Make a reservation an allocation, whole or in part; returns the units confirmed now.

    What is confirmed does not expire. Raises `NothingReservedError` when less is left to confirm,
    `FrozenError` while the place is frozen: nothing is picked from it.
    """
    require(by, permissions.RESERVE)
    held = _held(f"{order}/{line}")
    left = 0 if held is None else held.open - held.assigned
    units = left if quantity is None else quantity
    if held is None or not 0 < units <= left:
        raise NothingReservedError(
            f"{order}/{line} has {left} units to confirm.", field="quantity", extra={"held": left}
        )
    with connection.cursor() as cursor:
        cursor.execute(_FROZEN, [held.sku, held.node])
        if any(is_frozen for (is_frozen,) in cursor.fetchall()):
            raise FrozenError(
                f"{held.sku} is frozen at {held.node}; confirm when it is released.", field="line"
            )
    _post(
        [held.told("reservation.confirmed", units, f"confirmed/{held.confirmed + units}")],
        by,
    )
    return units


@transaction.atomic
def release(*, order: str, line: str, quantity: int, reason: str = "", by: Actor) -> int:
    """Give back part of what an order line holds; returns what it still holds, in units.

    Raises `NothingReservedError` when it holds less than that: nobody gives back what they do
    not have.
    """
    require(by, permissions.RESERVE)
    held = _held(f"{order}/{line}")
    if held is None or quantity > held.open:
        left = 0 if held is None else held.open
        raise NothingReservedError(
            f"{order}/{line} holds {left} units; {quantity} cannot be released.",
            field="quantity",
            extra={"held": left},
        )
    said = {"reason": reason} if reason else {}
    name = f"released/{held.released + quantity}"
    _post([held.told("reservation.released", quantity, name, **said)], by)
    return held.open - quantity


def expire_due(_moment: str) -> None:
    """Give back what was reserved until now and never confirmed; what the timer calls.

    Everything that has lapsed goes at once, whichever moment rang. Claims are marked under their
    lock before the events are posted, so a second look finds nothing; what was confirmed, shipped
    or released meanwhile is left alone.
    """
    by = Actor.system("reservations")
    while _expire_batch(by) == BATCH:
        pass


def _expire_batch(by: Actor) -> int:
    def expire() -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(_LAPSED, {"now": clock.now(), "limit": BATCH})
            lapsed = [_Held(*row) for row in cursor.fetchall()]
        _post(
            [
                one.told("reservation.released", one.open - one.assigned, EXPIRED, reason=EXPIRED)
                for one in sorted(lapsed, key=lambda one: one.key)
                if one.open > one.assigned
            ],
            by,
        )
        return [len(lapsed)]

    return in_one_transaction(expire)[0]


def lock_places(places: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int | None]:
    """Lock the balances of some places and say what may still be promised there, None if frozen.

    In the order reserving locks them; places that never held anything are missing.
    """
    return free_at(places, is_locked=True)


def tell_claims(told: Sequence[ClaimTold], *, source: str, by: Actor) -> None:
    """Post claim changes that were decided under `lock_places`, as events of their source."""
    if not told:
        return
    skus = Item.objects.in_bulk({one.place[0] for one in told})
    codes = Node.objects.in_bulk({one.place[1] for one in told})
    bodies = [
        {
            "type": one.kind,
            "source_id": event_id_of(one.name),
            "occurred_at": clock.now(),
            "item": skus[one.place[0]].sku,
            "node": codes[one.place[1]].code,
            "quantity": one.quantity,
            "order": one.order,
            "line": one.line,
            "channel": one.channel,
            "customer": one.customer,
            "due_at": one.due_at,
            "attributes": dict(one.attributes),
        }
        for one in told
    ]
    _post(
        [
            {name: value for name, value in body.items() if value not in (None, "", {})}
            for body in bodies
        ],
        by,
        source,
    )


def _held(key: str) -> _Held | None:
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [key])
        row = cursor.fetchone()
    return None if row is None else _Held(*row)


def _post(bodies: Sequence[Mapping[str, object]], by: Actor, source: str = SOURCE) -> None:
    """Post what was decided, in the transaction that locked the claims."""
    if not bodies:
        return
    drafts = draft_events(
        read_rows([msgspec.json.encode(body) for body in bodies]),
        received_from=source,
        may_speak_for=lambda name: name == source,
        by=by,
        is_ours=True,
    )
    post_events([draft for draft in drafts if isinstance(draft, EventDraft)], by=poster(by))
