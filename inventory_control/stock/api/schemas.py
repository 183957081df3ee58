"""Bodies of the hot doors: msgspec types for reading, JSON schemas of the same for the docs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from inventory_control.events.values import SCHEMAS, Moment, Text


class ReservationLineBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a reservation. `partial` says that fewer units are welcome; `mode` without it."""

    line: Text
    item: Text
    node: Text
    quantity: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    order: Text | None = None
    channel: Text | None = None
    partial: bool | None = None
    customer: Text | None = None
    occurred_at: Moment | None = None


class ReservationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reservation of one or many order lines; `order` and `channel` stand in for the lines'.

    `mode` says whether lines may be served in part; without it the policy `reservations` does. What
    is not confirmed within `expires_in` seconds, or by `expires_at`, is given back.
    """

    lines: Annotated[list[ReservationLineBody], Meta(min_length=1, max_length=10_000)]
    order: Text | None = None
    channel: Text | None = None
    mode: Literal["all_or_nothing", "partial"] | None = None
    expires_in: Annotated[int, Meta(ge=1, le=31_536_000)] | None = None
    expires_at: Moment | None = None


class EventRow(msgspec.Struct, omit_defaults=True):
    """What became of one event."""

    row: int
    outcome: str
    event_id: str | None = None
    code: str | None = None
    field: str | None = None
    detail: str | None = None


class BulkAnswer(msgspec.Struct):
    """One result per row, in order, and how many had each outcome."""

    counts: dict[str, int]
    results: list[EventRow]


class GrantedLine(msgspec.Struct):
    """What one order line was granted."""

    key: str
    requested: int
    granted: int
    available: int
    reason: str
    is_repeat: bool
    code: str
    is_partial: bool


class ReservationsAnswer(msgspec.Struct):
    """One answer per line, in order."""

    lines: list[GrantedLine]


def _inlined(kind: Any) -> dict[str, Any]:
    """The JSON schema of a type with its definitions inlined, as drf-spectacular wants it."""
    schema, components = msgspec.json.schema_components([kind], ref_template="#/inline/{name}")
    return _resolved(schema[0], components)


def _resolved(node: Any, components: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_resolved(one, components) for one in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref", "")
    if reference.startswith("#/inline/"):
        return _resolved(components[reference.removeprefix("#/inline/")], components)
    return {key: _resolved(value, components) for key, value in node.items()}


_EVENT = {"oneOf": [_inlined(schema) for _, schema in sorted(SCHEMAS.items())]}
EVENT = {"application/json": _EVENT}
EVENTS = {
    "application/json": {"type": "array", "items": _EVENT},
    "application/x-ndjson": {"type": "string", "description": "One event a line."},
}
RESERVATIONS = {"application/json": _inlined(ReservationBody)}
EVENT_ANSWER = {
    201: _inlined(EventRow),
    200: _inlined(EventRow),
    202: _inlined(EventRow),
}
BULK_ANSWER = {200: _inlined(BulkAnswer)}
RESERVATIONS_ANSWER = {201: _inlined(ReservationsAnswer), 200: _inlined(ReservationsAnswer)}
