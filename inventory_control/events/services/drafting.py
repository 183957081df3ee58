"""Drafting: raw rows become valid events with their names resolved, or are refused."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.telemetry import correlation_id
from inventory_control.events import permissions
from inventory_control.events.rules import (
    EVENT_TYPES,
    PERSONAL,
    Fault,
    fault_of,
    flags_of,
    is_deprecated,
    is_settled,
    personal_keys,
    personal_texts,
    upcast,
    version_fault,
)
from inventory_control.events.services.resolving import AskedNames, Names, ask_names
from inventory_control.events.states import Outcome
from inventory_control.events.values import (
    CanonicalEventV1,
    CanonicalEventV2,
    EventDraft,
    Gate,
    Refusal,
)
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.values import REASON_CODES

ADJUSTMENT = "adjustment.recorded"
_decode_v1 = msgspec.json.Decoder(CanonicalEventV1).decode
_decode_v2 = msgspec.json.Decoder(CanonicalEventV2).decode
DECODERS: Mapping[int, Callable[[bytes], CanonicalEventV1]] = {
    1: _decode_v1,
    2: lambda row: upcast(_decode_v2(row)),
}
"""How a row of each schema version is read (EVT-06)."""
_encode = msgspec.json.Encoder(order="deterministic").encode
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_IN_COLUMNS = (
    "type", "source_id", "occurred_at", "source", "schema_version", "item", "node", "quantity",
)  # fmt: skip

REMOVED = "(removed)"


class _Versioned(msgspec.Struct):
    """The one field by which a row says how to read the others."""

    schema_version: int = 1


_version_of = msgspec.json.Decoder(_Versioned).decode


@dataclass(frozen=True, slots=True)
class Reading:
    """Raw rows as decoded, with what they name: asked for, not yet waited for."""

    rows: Sequence[bytes]
    events: Sequence[CanonicalEventV1 | Refusal]
    _names: AskedNames | None

    def part(self, places: Sequence[int]) -> Reading:
        """Some of the rows, by their places."""
        return Reading(
            [self.rows[place] for place in places],
            [self.events[place] for place in places],
            self._names,
        )

    def names(self) -> Names | None:
        """What the names in the rows mean; None when no row could be read."""
        return None if self._names is None else self._names.names()

    def gate(self) -> Gate | None:
        """What policy says of the rows; None when no row could be read."""
        return None if self._names is None else self._names.names().gate


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who delivered the rows of a batch, what they may say, and when.

    `reasons` are the codes an adjustment must name, or None where any will do. `is_ours` marks what
    the product says itself: it is taken in whatever version.
    """

    name: str
    may_speak_for: Callable[[str], bool]
    may_open_stock: bool
    now: datetime
    reasons: Collection[str] | None
    is_ours: bool


def read_rows(rows: Sequence[bytes], *, names: AskedNames | None = None) -> Reading:
    """Decode raw JSON rows and ask for the names in them, all in one query.

    With `names` whoever wrote the rows has asked for them already.
    """
    events = [_decoded(row) for row in rows]
    known = [event for event in events if not isinstance(event, Refusal)]
    return Reading(rows, events, (names or ask_names(known)) if known else None)


def draft_events(
    reading: Reading,
    *,
    received_from: str,
    may_speak_for: Callable[[str], bool],
    by: Actor,
    correlations: Sequence[str] | None = None,
    is_ours: bool = False,
) -> list[EventDraft | Refusal]:
    """Validate what was read and resolve the names in it; writes nothing.

    `received_from` names the key or connector that delivered the rows and stands in for a
    missing `source`. One answer per row, in order. A row that names an unknown item, node or
    status comes back as unmapped, any other fault as quarantined. Events that name no correlation
    id get that of `correlations`, by default the present one. `is_ours` is for what the product
    says itself, in the version it was built with.
    """
    names = reading.names()
    if names is None:
        return [event for event in reading.events if isinstance(event, Refusal)]
    sender = _Sender(
        name=received_from,
        may_speak_for=may_speak_for,
        may_open_stock=by.may(permissions.OPEN_STOCK),
        now=clock.now(),
        reasons=_reasons_for(reading.events),
        is_ours=is_ours,
    )
    causes = correlations or [correlation_id()] * len(reading.rows)
    drafts: list[EventDraft | Refusal] = []
    for event, row, cause in zip(reading.events, reading.rows, causes, strict=True):
        if isinstance(event, Refusal):
            drafts.append(event)
        else:
            drafts.append(_drafted(event, row, cause, sender, names))
    return drafts


def _decoded(row: bytes) -> CanonicalEventV1 | Refusal:
    try:
        version = 1
        # A row that does not name its version is not read twice to learn that.
        if b'"schema_version"' in row:
            version = _version_of(row).schema_version
        decode = DECODERS.get(version)
        if decode is None:
            return _of_unknown_version(version, row)
        return decode(row)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        return _undecodable(row, error)


def _drafted(
    event: CanonicalEventV1, row: bytes, cause: str, sender: _Sender, names: Names
) -> EventDraft | Refusal:
    source = event.source or sender.name
    fault = _fault(event, source, sender, names)
    if fault is not None:
        return Refusal(
            outcome=Outcome.QUARANTINED,
            code=fault.code,
            field=fault.field,
            reason=fault.reason,
            body=_minimised(event) if fault.code == PERSONAL else row,
            source=source,
            source_id=event.source_id,
        )
    found = names.resolved(event, source, row)
    if isinstance(found, Refusal):
        return found
    meant, (item_id, node_id, to_node_id) = found
    canonical = msgspec.to_builtins(meant, builtin_types=(datetime,))
    details = {key: value for key, value in canonical.items() if key not in _IN_COLUMNS}
    return EventDraft(
        event=meant,
        kind=EVENT_TYPES[event.type].kind,
        source=source,
        item_id=item_id,
        node_id=node_id,
        to_node_id=to_node_id,
        details=_encode(details),
        raw=row,
        content=_content(event),
        received_from=sender.name,
        correlation_id=event.correlation_id or cause,
        flags=_flags(event, sender, names),
        version=event.schema_version,
        is_settled=is_settled(event, names.gate),
    )


def _fault(event: CanonicalEventV1, source: str, sender: _Sender, names: Names) -> Fault | None:
    """The first reason not to take an event: its sender, itself, its version.

    Its sender goes first, so that whoever retries a row knows that its sender might say it.
    """
    if not sender.may_speak_for(source):
        return Fault(
            "foreign_source", "source", f"{sender.name} may not speak for the source {source}."
        )
    if event.type == "stock.opened" and not sender.may_open_stock:
        return Fault("not_permitted", "type", "Opening balances need events.open_stock.")
    fault = fault_of(event, now=sender.now) or _unknown_reason(event, sender.reasons)
    return fault if fault or sender.is_ours else version_fault(event, names.gate)


def _reasons_for(events: Sequence[CanonicalEventV1 | Refusal]) -> Collection[str] | None:
    """The reason codes adjustments must name, or None where the policy takes any.

    Asked only when there is an adjustment among the events: most batches have none.
    """
    if not any(not isinstance(one, Refusal) and one.type == ADJUSTMENT for one in events):
        return None
    policy = current_policy(REASON_CODES).value
    return frozenset(policy["codes"]) if policy["is_strict"] else None


def _unknown_reason(event: CanonicalEventV1, reasons: Collection[str] | None) -> Fault | None:
    if reasons is None or event.type != ADJUSTMENT or event.reason in reasons:
        return None
    known = ", ".join(sorted(reasons))
    return Fault(
        "unknown_reason", "reason", f"No reason code is called {event.reason}. Known: {known}."
    )


def _flags(event: CanonicalEventV1, sender: _Sender, names: Names) -> tuple[str, ...]:
    flags = flags_of(event, now=sender.now)
    if names.gate.deprecated and is_deprecated(event.schema_version, names.gate, now=sender.now):
        flags += ("deprecated_version",)
    return flags


def _content(event: CanonicalEventV1) -> bytes:
    """By what an event is known again: as its source said it, in whatever version."""
    if event.schema_version != 1:
        event = msgspec.structs.replace(event, schema_version=1)
    return hashlib.sha256(_encode(event)).digest()


def _of_unknown_version(version: int, row: bytes) -> Refusal:
    taken = ", ".join(map(str, DECODERS))
    return Refusal(
        outcome=Outcome.QUARANTINED,
        code="unknown_version",
        field="schema_version",
        reason=f"There is no version {version} of the event; known are {taken}.",
        body=row,
    )


def _minimised(event: CanonicalEventV1) -> bytes:
    """The body of a row refused for personal data, without it: a refusal must not keep it either."""
    kept = dict(event.attributes or {}) | dict.fromkeys(personal_keys(event), REMOVED)
    customer = event.customer and (REMOVED if "@" in event.customer else event.customer)
    texts = dict.fromkeys(personal_texts(event), REMOVED)
    # Whatever version it came in, what is kept says it in the first.
    told = msgspec.structs.replace(
        event, schema_version=1, attributes=kept or None, customer=customer, **texts
    )
    return _encode(told)


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
