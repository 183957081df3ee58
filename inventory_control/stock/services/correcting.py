"""Corrections: what undoes an earlier event and puts another quantity in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db import connection

from inventory_control.events.states import Kind
from inventory_control.events.values import EventDraft
from inventory_control.stock.rules import CLAIMS, reversed_claim, reversed_legs
from inventory_control.stock.values import ClaimChange, FoldKey, Leg

_ORIGINALS = """
    SELECT asked.n, e.id, e.type, e.kind, e.quantity, e.item_id, e.node_id, e.details::text,
           e.occurred_at, e.source, e.source_id, c.source, c.source_id
      FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[])
        AS asked (n, source, source_id, business_key)
      LEFT JOIN events_sourcekey s USING (source, source_id)
      LEFT JOIN events_businesskey b ON b.key = asked.business_key
      JOIN events_inventoryevent e ON e.id = coalesce(b.event_id, s.event_id)
      LEFT JOIN events_inventoryevent c ON c.corrects = e.id
"""
_LEGS = """
    SELECT event_id, item_id, node_id, state, quantity, lot
      FROM stock_ledgerentry
     WHERE event_id = ANY(%s) AND cause = 'move'
     ORDER BY event_id, id
"""


@dataclass(frozen=True, slots=True)
class Correction:
    """How one correction undoes its original.

    `item_id` and `node_id` are the original's: a correction need not name them again. `legs` and
    `claim` are the reversal and the replacement together; `stands_at` is the
    original's place in the fold; `withdraws` names the assertion that no longer counts;
    `corrected_by` is the key of the correction that came before, if any.
    """

    original_id: int
    original_type: str
    item_id: int | None
    node_id: int | None
    stands_at: FoldKey
    legs: tuple[Leg, ...]
    claim: ClaimChange | None
    withdraws: int | None
    corrected_by: tuple[str, str] | None


def corrections_of(drafts: Sequence[EventDraft]) -> list[Correction | None]:
    """For each correction what it does, or None when its original has not arrived yet."""
    about = [draft.event.corrects for draft in drafts]
    with connection.cursor() as cursor:
        cursor.execute(
            _ORIGINALS,
            [
                list(range(len(drafts))),
                [one.source if one else None for one in about],
                [one.source_id if one else None for one in about],
                [one.business_key if one else None for one in about],
            ],
        )
        originals = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(_LEGS, [[original[0] for original in originals.values()]])
        legs: dict[int, list[Leg]] = {}
        for event_id, item_id, node_id, state, quantity, lot in cursor.fetchall():
            legs.setdefault(event_id, []).append(Leg(item_id, node_id, state, quantity, lot))
    return [
        _correction(draft, originals[n], legs) if n in originals else None
        for n, draft in enumerate(drafts)
    ]


def _correction(
    draft: EventDraft,
    original: tuple[
        int,
        str,
        str,
        int | None,
        int | None,
        int | None,
        str,
        datetime,
        str,
        str,
        str | None,
        str | None,
    ],
    legs_of: dict[int, list[Leg]],
) -> Correction:
    (
        event_id, event_type, kind, quantity, item_id, node_id, details, occurred_at,
        source, source_id, earlier_source, earlier_id,
    ) = original  # fmt: skip
    legs = tuple(legs_of.get(event_id, ()))
    replaced = draft.event.quantity or 0
    claim = _claim(
        event_type, quantity or 0, replaced, item_id, node_id, msgspec.json.decode(details)
    )
    net = reversed_legs(legs)
    if replaced and quantity:
        net += tuple(
            Leg(leg.item_id, leg.node_id, leg.state, leg.quantity // quantity * replaced, leg.lot)
            for leg in legs
        )
    return Correction(
        original_id=event_id,
        original_type=event_type,
        item_id=item_id,
        node_id=node_id,
        stands_at=(occurred_at, source, source_id),
        legs=net,
        claim=claim,
        withdraws=event_id if kind == Kind.ASSERT else None,
        corrected_by=(earlier_source, earlier_id) if earlier_source and earlier_id else None,
    )


def _claim(
    event_type: str,
    quantity: int,
    replaced: int,
    item_id: int | None,
    node_id: int | None,
    details: dict[str, str],
) -> ClaimChange | None:
    order, line = details.get("order"), details.get("line")
    if not order or not line or item_id is None or node_id is None or event_type not in CLAIMS:
        return None
    made = ClaimChange(
        key=f"{order}/{line}",
        item_id=item_id,
        node_id=node_id,
        channel=details.get("channel", ""),
        **dict.fromkeys(CLAIMS[event_type], quantity - replaced),
    )
    return reversed_claim(made)
