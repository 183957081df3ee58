"""Drafting: raw rows become valid events with their names resolved, or are refused."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.sql import Asked, hot_later, texts
from inventory_control.core.telemetry import correlation_id
from inventory_control.events import permissions
from inventory_control.events.rules import (
    EVENT_TYPES,
    PERSONAL,
    Fault,
    fault_of,
    flags_of,
    personal_keys,
)
from inventory_control.events.states import Outcome
from inventory_control.events.values import CanonicalEventV1, EventDraft, Refusal
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.values import REASON_CODES

ADJUSTMENT = "adjustment.recorded"
_decode = msgspec.json.Decoder(CanonicalEventV1).decode
_encode = msgspec.json.Encoder(order="deterministic").encode
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_IN_COLUMNS = ("type", "source_id", "occurred_at", "source", "item", "node", "quantity")

REMOVED = "(removed)"
_RESOLVE = """
    SELECT 'item', sku, id FROM catalog_item WHERE sku = ANY(%s::text[])
    UNION ALL
    SELECT 'node', code, id FROM catalog_node WHERE code = ANY(%s::text[])
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """Raw rows as decoded, with the ids of what they name: asked for, not yet waited for."""

    rows: Sequence[bytes]
    events: Sequence[CanonicalEventV1 | Refusal]
    _names: Asked | None

    def part(self, places: Sequence[int]) -> Reading:
        """Some of the rows, by their places."""
        return Reading(
            [self.rows[place] for place in places],
            [self.events[place] for place in places],
            self._names,
        )

    def names(self) -> dict[tuple[str, str], int]:
        """Ids by what a name stands for (`item`, `node`) and the name; missing when unknown."""
        if self._names is None:
            return {}
        return {(noun, name): pk for noun, name, pk in self._names.rows()}


def read_rows(rows: Sequence[bytes]) -> Reading:
    """Decode raw JSON rows and ask for the names in them, all in one query."""
    events = [_decoded(row) for row in rows]
    known = [event for event in events if not isinstance(event, Refusal)]
    skus = {event.item for event in known if event.item}
    codes = {event.node for event in known if event.node}
    codes |= {event.to_node for event in known if event.to_node}
    if not skus and not codes:
        return Reading(rows, events, None)
    return Reading(rows, events, hot_later(_RESOLVE, [texts(skus), texts(codes)]))


def draft_events(
    reading: Reading,
    *,
    received_from: str,
    may_speak_for: Callable[[str], bool],
    by: Actor,
    correlations: Sequence[str] | None = None,
) -> list[EventDraft | Refusal]:
    """Validate what was read and resolve the names in it; writes nothing.

    `received_from` names the key or connector that delivered the rows and stands in for a
    missing `source`. One answer per row, in order. A row that names an unknown item or node
    comes back as unmapped, any other fault as quarantined. Events that name no correlation id
    get that of `correlations`, by default the present one.
    """
    now = clock.now()
    names = reading.names()
    causes = correlations or [correlation_id()] * len(reading.rows)
    reasons = _reasons_for(reading.events)
    drafts: list[EventDraft | Refusal] = []
    for event, row, cause in zip(reading.events, reading.rows, causes, strict=True):
        if isinstance(event, Refusal):
            drafts.append(event)
            continue
        refusal = _refusal_of(event, row, received_from, may_speak_for, by, now)
        refusal = refusal or _unknown_reason(event, row, received_from, reasons)
        drafts.append(refusal or _drafted(event, row, received_from, cause, names, now))
    return drafts


def _decoded(row: bytes) -> CanonicalEventV1 | Refusal:
    try:
        return _decode(row)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        return _undecodable(row, error)


def _refusal_of(
    event: CanonicalEventV1,
    row: bytes,
    received_from: str,
    may_speak_for: Callable[[str], bool],
    by: Actor,
    now: datetime,
) -> Refusal | None:
    fault = fault_of(event, now=now)
    source = event.source or received_from
    if fault is None and not may_speak_for(source):
        fault = Fault(
            "foreign_source", "source", f"{received_from} may not speak for the source {source}."
        )
    if fault is None and event.type == "stock.opened" and not by.may(permissions.OPEN_STOCK):
        fault = Fault("not_permitted", "type", "Opening balances need events.open_stock.")
    return None if fault is None else _refused(event, row, source, fault)


def _reasons_for(events: Sequence[CanonicalEventV1 | Refusal]) -> Collection[str] | None:
    """The reason codes adjustments must name, or None where the policy takes any.

    Asked only when there is an adjustment among the events: most batches have none.
    """
    if not any(not isinstance(one, Refusal) and one.type == ADJUSTMENT for one in events):
        return None
    policy = current_policy(REASON_CODES).value
    return frozenset(policy["codes"]) if policy["is_strict"] else None


def _unknown_reason(
    event: CanonicalEventV1, row: bytes, received_from: str, reasons: Collection[str] | None
) -> Refusal | None:
    if reasons is None or event.type != ADJUSTMENT or event.reason in reasons:
        return None
    known = ", ".join(sorted(reasons))
    fault = Fault(
        "unknown_reason", "reason", f"No reason code is called {event.reason}. Known: {known}."
    )
    return _refused(event, row, event.source or received_from, fault)


def _refused(event: CanonicalEventV1, row: bytes, source: str, fault: Fault) -> Refusal:
    return Refusal(
        outcome=Outcome.QUARANTINED,
        code=fault.code,
        field=fault.field,
        reason=fault.reason,
        body=_minimised(event) if fault.code == PERSONAL else row,
        source=source,
        source_id=event.source_id,
    )


def _minimised(event: CanonicalEventV1) -> bytes:
    """The body of a row refused for personal data, without it: a refusal must not keep it either."""
    kept = dict(event.attributes or {}) | dict.fromkeys(personal_keys(event), REMOVED)
    customer = event.customer and (REMOVED if "@" in event.customer else event.customer)
    return _encode(msgspec.structs.replace(event, attributes=kept or None, customer=customer))


def _undecodable(row: bytes, error: msgspec.MsgspecError) -> Refusal:
    message = str(error)
    found = _PATH.search(message)
    reason = message[: found.start()] if found else message
    broken = not isinstance(error, msgspec.ValidationError)
    return Refusal(
        outcome=Outcome.QUARANTINED,
        code="broken_json" if broken else "invalid_field",
        field=found["path"] if found else "",
        reason=reason.replace("\0", ""),
        body=row,
    )


def _drafted(
    event: CanonicalEventV1,
    row: bytes,
    received_from: str,
    cause: str,
    names: dict[tuple[str, str], int],
    now: datetime,
) -> EventDraft | Refusal:
    source = event.source or received_from
    ids: dict[str, int | None] = {}
    for field, noun in (("item", "item"), ("node", "node"), ("to_node", "node")):
        name = getattr(event, field)
        ids[field] = names.get((noun, name)) if name else None
        if name and ids[field] is None:
            return Refusal(
                outcome=Outcome.UNMAPPED,
                code=f"unknown_{noun}",
                field=field,
                reason=f"No {noun} is called {name}. Map it or create it, then retry.",
                body=row,
                source=source,
                source_id=event.source_id,
            )
    canonical = msgspec.to_builtins(event, builtin_types=(datetime,))
    details = {key: value for key, value in canonical.items() if key not in _IN_COLUMNS}
    return EventDraft(
        event=event,
        kind=EVENT_TYPES[event.type].kind,
        source=source,
        item_id=ids["item"],
        node_id=ids["node"],
        to_node_id=ids["to_node"],
        details=_encode(details),
        raw=row,
        content=hashlib.sha256(_encode(event)).digest(),
        received_from=received_from,
        correlation_id=event.correlation_id or cause,
        flags=flags_of(event, now=now),
    )
