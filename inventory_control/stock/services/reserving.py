"""Reserving: promise stock to demand without ever promising it twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from django.db import connection, transaction

from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.permissions import require
from inventory_control.core.sql import hot, hot_later, texts
from inventory_control.events.services import draft_events, read_rows
from inventory_control.events.values import EventDraft
from inventory_control.stock import permissions
from inventory_control.stock.errors import NothingReservedError
from inventory_control.stock.rules import grants
from inventory_control.stock.services.posting import drafts_posted, in_one_transaction, post_events
from inventory_control.stock.values import Granted, ReservationLine

SOURCE = "reservations"

_LOCKED = """
    SELECT i.sku, n.code, b.sellable - b.reserved - b.allocated - coalesce(p.safety_stock, 0),
           b.counts_pending + b.holds > 0
      FROM unnest(%s::text[], %s::text[]) AS asked (sku, code)
      JOIN catalog_item i USING (sku)
      JOIN catalog_node n USING (code)
      JOIN stock_stockbalance b ON b.item_id = i.id AND b.node_id = n.id
      LEFT JOIN catalog_itemnode p ON p.item_id = i.id AND p.node_id = n.id
     ORDER BY b.item_id, b.node_id
       FOR UPDATE OF b
"""
_HELD = """
    SELECT r.open, i.sku, n.code, r.released
      FROM stock_reservation r
      JOIN catalog_item i ON i.id = r.item_id
      JOIN catalog_node n ON n.id = r.node_id
     WHERE r.key = %s
       FOR UPDATE OF r
"""
_KNOWN = "SELECT key, committed FROM stock_reservation WHERE key = ANY(%s::text[])"


def reserve(
    lines: Sequence[ReservationLine],
    *,
    by: Actor,
    accept: Callable[[Sequence[Granted]], None] | None = None,
) -> list[Granted]:
    """Reserve each line as far as stock allows, first come first served, in order.

    The balances are locked in one order before anything is decided, so two callers can never be
    granted the same unit. A line that was granted before gets its first answer again. What is
    granted is posted as `reservation.created` events; a line granted nothing leaves no trace.
    `accept` sees the answers before anything is kept and may raise: then nothing is. Units; one
    transaction; a handful of statements whatever the number of lines.
    """
    require(by, permissions.RESERVE)

    def promise() -> list[Granted]:
        shelf = shelf_for(lines)
        answers = shelf.promised(lines)
        if accept is not None:
            accept(answers)
        keep(lines, answers, correlations=None, by=by)
        return answers

    return in_one_transaction(promise)


@dataclass(slots=True)
class Shelf:
    """What may still be promised at some places, locked, and what was promised to some keys."""

    available: dict[tuple[str, str], int]
    frozen: set[tuple[str, str]]
    known: dict[str, int]

    def promised(self, lines: Sequence[ReservationLine]) -> list[Granted]:
        """What each line would get, first come first served; takes nothing yet."""
        answers: list[Granted | None] = [None] * len(lines)
        asked: dict[tuple[str, str], list[int]] = {}
        for index, line in enumerate(lines):
            if line.key in self.known:
                answers[index] = Granted(
                    line.key,
                    line.quantity,
                    self.known[line.key],
                    0,
                    "Reserved before.",
                    is_repeat=True,
                )
            else:
                asked.setdefault((line.sku, line.node), []).append(index)
        for place, indexes in asked.items():
            is_frozen = place in self.frozen
            left = 0 if is_frozen else self.available.get(place, 0)
            given = grants([(lines[i].quantity, lines[i].is_partial) for i in indexes], left)
            for i, units in zip(indexes, given, strict=True):
                reason = _reason(lines[i], units, left, is_frozen=is_frozen)
                answers[i] = Granted(lines[i].key, lines[i].quantity, units, max(0, left), reason)
                left -= units
        return [answer for answer in answers if answer is not None]

    def take(self, lines: Sequence[ReservationLine], answers: Sequence[Granted]) -> None:
        """Take what was promised, so that whoever comes next is promised the rest."""
        for line, answer in zip(lines, answers, strict=True):
            if answer.granted and not answer.is_repeat:
                self.available[line.sku, line.node] -= answer.granted
                self.known[line.key] = answer.granted


def shelf_for(lines: Sequence[ReservationLine]) -> Shelf:
    """Lock the balances that lines draw on, in one order; inside `in_one_transaction`.

    What is known of the lines is asked behind the lock: whoever held it may have reserved them.
    """
    places = sorted({(line.sku, line.node) for line in lines})
    locked = hot_later(
        _LOCKED, [texts(sku for sku, _ in places), texts(node for _, node in places)]
    )
    known = hot(_KNOWN, [texts(sorted({line.key for line in lines}))])
    rows = locked.rows()
    return Shelf(
        available={(sku, node): int(units) for sku, node, units, _ in rows},
        frozen={(sku, node) for sku, node, _, is_frozen in rows if is_frozen},
        known={key: int(units) for key, units in known},
    )


@transaction.atomic
def release(*, order: str, line: str, quantity: int, by: Actor) -> int:
    """Give back part of what an order line holds; returns what it still holds, in units.

    Raises `NothingReservedError` when it holds less than that: nobody gives back what they do
    not have.
    """
    require(by, permissions.RESERVE)
    key = f"{order}/{line}"
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [key])
        row = cursor.fetchone()
    if row is None or quantity > row[0]:
        held = 0 if row is None else int(row[0])
        raise NothingReservedError(
            f"{key} holds {held} units; {quantity} cannot be released.",
            field="quantity",
            extra={"held": held},
        )
    held, sku, node, released = row
    body = {
        "type": "reservation.released",
        "source_id": _event_id(f"{key}/released/{released + quantity}"),
        "occurred_at": clock.now(),
        "item": sku,
        "node": node,
        "quantity": quantity,
        "order": order,
        "line": line,
    }
    drafts = draft_events(
        read_rows([msgspec.json.encode(body)]),
        received_from=SOURCE,
        may_speak_for=lambda source: source == SOURCE,
        by=by,
        is_ours=True,
    )
    post_events([draft for draft in drafts if isinstance(draft, EventDraft)], by=_poster(by))
    return int(held) - quantity


def _reason(line: ReservationLine, granted: int, left: int, *, is_frozen: bool) -> str:
    if granted == line.quantity:
        return ""
    if is_frozen:
        return f"{line.sku} is frozen at {line.node} until a count is settled."
    return f"{max(0, left)} of {line.sku} available at {line.node}."


def keep(
    lines: Sequence[ReservationLine],
    answers: Sequence[Granted],
    *,
    correlations: Sequence[str] | None,
    by: Actor,
) -> None:
    """Post what was promised to lines, in the transaction that locked their balances.

    `correlations` names the request of each line where they came by different ones.
    """
    kept = [
        (_row(line, answer), place)
        for place, (line, answer) in enumerate(zip(lines, answers, strict=True))
        if answer.granted and not answer.is_repeat
    ]
    if not kept:
        return
    drafts = draft_events(
        read_rows([row for row, _ in kept]),
        received_from=SOURCE,
        may_speak_for=lambda source: source == SOURCE,
        by=by,
        correlations=correlations and [correlations[place] for _, place in kept],
        is_ours=True,
    )
    drafts_posted([draft for draft in drafts if isinstance(draft, EventDraft)], by=_poster(by))


def _poster(by: Actor) -> Actor:
    """The same actor with the right to post what reserving posts; `reserve` asked for its own."""
    return Actor(
        kind=by.kind,
        id=by.id,
        name=by.name,
        permissions=by.permissions | {"events.write"},
        scopes=None,
        person=by.person,
    )


def _row(line: ReservationLine, answer: Granted) -> bytes:
    occurred_at = line.occurred_at or clock.now()
    body: dict[str, object] = {
        "type": "reservation.created",
        "source_id": _event_id(line.key),
        "occurred_at": occurred_at,
        "item": line.sku,
        "node": line.node,
        "quantity": answer.granted,
        "order": line.order,
        "line": line.line,
        "attributes": {"requested": answer.requested},
    }
    if line.channel:
        body["channel"] = line.channel
    if line.customer:
        body["customer"] = line.customer
    return msgspec.json.encode(body)


def _event_id(key: str) -> str:
    """The claim's key as an event id; long keys are shortened to their digest."""
    return key if len(key) <= 200 else hashlib.sha256(key.encode()).hexdigest()
