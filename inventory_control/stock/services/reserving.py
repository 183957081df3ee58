"""Reserving: promise stock to demand without ever promising it twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.permissions import require
from inventory_control.core.sql import hot, hot_later, hot_write, texts, times
from inventory_control.events.services import AskedNames, ask_places, draft_events, read_rows
from inventory_control.events.values import EventDraft
from inventory_control.stock import permissions
from inventory_control.stock.errors import InvalidLineError, UnknownChannelError, UnknownPlaceError
from inventory_control.stock.rules import grants, line_fault
from inventory_control.stock.services.posting import drafts_posted, in_one_transaction
from inventory_control.stock.values import Granted, ReservationLine
from inventory_control.timers.services import set_timers

SOURCE = "reservations"
EXPIRE = "reservation.expire"
"""The timer at which what is not confirmed is given back; its subject is the moment."""

_SHELF = """
    SELECT place.sku, place.code, b.available - coalesce(p.safety_stock, 0), b.frozen_until
      FROM (
               SELECT asked.sku, asked.code, i.id AS item_id, n.id AS node_id
                 FROM unnest(%s::text[], %s::text[]) AS asked (sku, code)
                CROSS JOIN LATERAL (
                          SELECT id FROM catalog_item WHERE sku = asked.sku LIMIT 1
                      ) AS i
                CROSS JOIN LATERAL (
                          SELECT id FROM catalog_node WHERE code = asked.code LIMIT 1
                      ) AS n
                ORDER BY item_id, node_id
           ) AS place
     CROSS JOIN LATERAL (
               SELECT sellable - reserved - allocated AS available,
                      CASE WHEN holds > 0 THEN 'its hold is lifted'
                           WHEN counts_pending > 0 THEN 'a count is settled'
                      END AS frozen_until
                 FROM stock_stockbalance
                WHERE item_id = place.item_id AND node_id = place.node_id
                LIMIT 1{lock}
           ) AS b
      LEFT JOIN LATERAL (
               SELECT safety_stock FROM catalog_itemnode
                WHERE item_id = place.item_id AND node_id = place.node_id
                LIMIT 1
           ) AS p ON true
"""
_SEEN = _SHELF.format(lock="")
_LOCKED = _SHELF.format(lock=" FOR UPDATE")
"""Locks balances in the one order of all: a place is looked up when its turn in the sorted list comes."""
_KNOWN = """
    SELECT 'claim', claim.key, claim.stands, claim.committed
      FROM unnest(%s::text[]) AS asked (key)
     CROSS JOIN LATERAL (
               SELECT r.key, greatest(0, committed - released) AS stands, committed
                 FROM stock_reservation r WHERE r.key = asked.key LIMIT 1
           ) AS claim
     UNION ALL
    SELECT 'channel', code, 0, 0 FROM catalog_channel WHERE code = ANY(%s::text[])
     UNION ALL
    (SELECT 'mode', value ->> 'mode', 0, 0 FROM policies_policy
      WHERE key = 'reservations' AND effective_at <= %s::timestamptz
      ORDER BY version DESC LIMIT 1)
"""
_EXPIRE_AT = """
    UPDATE stock_reservation r SET expires_at = told.at
      FROM unnest(%s::text[], %s::timestamptz[]) AS told (key, at)
     WHERE r.key = told.key
"""


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
        keep(lines, answers, shelf.names, correlations=None, by=by)
        return answers

    return in_one_transaction(promise)


def check(lines: Sequence[ReservationLine], *, by: Actor) -> list[Granted]:
    """What `reserve` would grant each line now; locks, keeps and promises nothing."""
    require(by, permissions.RESERVE)
    return in_one_transaction(lambda: _shelf(lines, _SEEN).promised(lines))


@dataclass(slots=True)
class Shelf:
    """What may still be promised at some places, locked, and what was promised to some keys.

    `frozen` says until when, in words; `known` what stands of each claim and what it was at first;
    `is_partial` what the policy thinks of lines that do not say whether a part is welcome; `unknown`
    which field of a place names nothing in the catalog, `names` what the others mean.
    """

    available: dict[tuple[str, str], int]
    frozen: dict[tuple[str, str], str]
    known: dict[str, tuple[int, int]]
    channels: set[str]
    is_partial: bool
    unknown: dict[tuple[str, str], str]
    names: AskedNames

    def promised(self, lines: Sequence[ReservationLine]) -> list[Granted]:
        """What each line would get, first come first served; takes nothing yet.

        Raises `UnknownChannelError`, `UnknownPlaceError` or `InvalidLineError`, naming the line.
        """
        now = clock.now()
        answers: list[Granted | None] = [None] * len(lines)
        asked: dict[tuple[str, str], list[int]] = {}
        for index, line in enumerate(lines):
            if fault := line_fault(line, now=now):
                raise InvalidLineError(fault[1], field=f"lines[{index}].{fault[0]}")
            if line.channel and line.channel not in self.channels:
                raise UnknownChannelError(
                    f"No channel is called {line.channel}.", field=f"lines[{index}].channel"
                )
            if (name := self.unknown.get((line.sku, line.node))) is not None:
                raise UnknownPlaceError(
                    f"No {name} is called {line.sku if name == 'item' else line.node}.",
                    field=f"lines[{index}].{name}",
                )
            if line.key in self.known:
                answers[index] = _repeated(line, *self.known[line.key])
            else:
                asked.setdefault((line.sku, line.node), []).append(index)
        for place, indexes in asked.items():
            left = 0 if place in self.frozen else self.available.get(place, 0)
            wanted = [(lines[i].quantity, self._takes_part(lines[i])) for i in indexes]
            for i, units in zip(indexes, grants(wanted, left), strict=True):
                answers[i] = self._answer(lines[i], units, left)
                left -= units
        return [answer for answer in answers if answer is not None]

    def _takes_part(self, line: ReservationLine) -> bool:
        return self.is_partial if line.is_partial is None else line.is_partial

    def _answer(self, line: ReservationLine, units: int, left: int) -> Granted:
        code = reason = ""
        until = self.frozen.get((line.sku, line.node))
        if units < line.quantity and until is not None:
            code, reason = "frozen", f"{line.sku} is frozen at {line.node} until {until}."
        elif units < line.quantity:
            code = "not_available"
            reason = f"{max(0, left)} of {line.sku} available at {line.node}."
        return Granted(
            line.key,
            line.quantity,
            units,
            max(0, left),
            reason,
            code=code,
            is_partial=self._takes_part(line),
        )

    def take(self, lines: Sequence[ReservationLine], answers: Sequence[Granted]) -> None:
        """Take what was promised, so that whoever comes next is promised the rest."""
        for line, answer in zip(lines, answers, strict=True):
            if answer.granted and not answer.is_repeat:
                self.available[line.sku, line.node] -= answer.granted
                self.known[line.key] = (answer.granted, answer.granted)


def shelf_for(lines: Sequence[ReservationLine]) -> Shelf:
    """Lock the balances that lines draw on, in one order; inside `in_one_transaction`.

    What is known of the lines is asked behind the lock: whoever held it may have reserved them.
    """
    return _shelf(lines, _LOCKED)


def _shelf(lines: Sequence[ReservationLine], statement: str) -> Shelf:
    places = sorted({(line.sku, line.node) for line in lines})
    names = ask_places(places)
    seen = hot_later(
        statement, [texts(sku for sku, _ in places), texts(node for _, node in places)]
    )
    known = hot(
        _KNOWN,
        [
            texts(sorted({line.key for line in lines})),
            texts(sorted({line.channel for line in lines})),
            clock.now(),
        ],
    )
    rows = seen.rows()
    available = {(sku, node): int(units) for sku, node, units, _ in rows}
    return Shelf(
        available=available,
        frozen={(sku, node): until for sku, node, _, until in rows if until is not None},
        known={
            name: (int(stands), int(first))
            for noun, name, stands, first in known
            if noun == "claim"
        },
        channels={name for noun, name, _, _ in known if noun == "channel"},
        is_partial=("mode", "partial") in {(noun, name) for noun, name, _, _ in known},
        unknown=_unknown([place for place in places if place not in available], names),
        names=names,
    )


def _unknown(places: Sequence[tuple[str, str]], names: AskedNames) -> dict[tuple[str, str], str]:
    """Of places where nothing ever lay, those whose item or else whose node nobody knows."""
    if not places:
        return {}
    known = names.names().ours
    return {
        (sku, node): "node" if ("item", sku) in known else "item"
        for sku, node in places
        if ("item", sku) not in known or ("node", node) not in known
    }


def _repeated(line: ReservationLine, stands: int, first: int) -> Granted:
    """The answer to a line that was granted before: what still stands of it."""
    reason, code = "Reserved before.", ""
    if stands < first or not stands:
        reason = f"Reserved before; {first - stands} of {first} were given back or expired since."
        code = "" if stands else "reservation_ended"
    return Granted(line.key, line.quantity, stands, 0, reason, is_repeat=True, code=code)


def keep(
    lines: Sequence[ReservationLine],
    answers: Sequence[Granted],
    names: AskedNames,
    *,
    correlations: Sequence[str] | None,
    by: Actor,
) -> None:
    """Post what was promised to lines, in the transaction that locked their balances.

    `names` are those of its shelf. `correlations` names the request of each line where they came by
    different ones. Lines that expire get a timer per moment, not per line.
    """
    kept = [
        (_row(line, answer), place)
        for place, (line, answer) in enumerate(zip(lines, answers, strict=True))
        if answer.granted and not answer.is_repeat
    ]
    if not kept:
        return
    drafts = draft_events(
        read_rows([row for row, _ in kept], names=names),
        received_from=SOURCE,
        may_speak_for=lambda source: source == SOURCE,
        by=by,
        correlations=correlations and [correlations[place] for _, place in kept],
        is_ours=True,
    )
    drafts_posted([draft for draft in drafts if isinstance(draft, EventDraft)], by=poster(by))
    _let_expire([lines[place] for _, place in kept if lines[place].expires_at is not None])


def _let_expire(lines: Sequence[ReservationLine]) -> None:
    if not lines:
        return
    hot_write(
        _EXPIRE_AT, [texts(line.key for line in lines), times(line.expires_at for line in lines)]
    )
    moments = {line.expires_at for line in lines if line.expires_at is not None}
    set_timers(kind=EXPIRE, due={moment.isoformat(): moment for moment in moments})


def poster(by: Actor) -> Actor:
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
        "source_id": event_id_of(line.key),
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


def event_id_of(key: str) -> str:
    """The claim's key as an event id; long keys are shortened to their digest."""
    return key if len(key) <= 200 else hashlib.sha256(key.encode()).hexdigest()
