"""One event: what arrived, what was made of it, what it did, and who still owes it a part."""

from __future__ import annotations

import msgspec

from exceptions.models import ExceptionCase
from inventory_control.audit.selectors import timeline_of
from inventory_control.audit.values import TimelineEntry
from inventory_control.events.models import InventoryEvent
from inventory_control.events.selectors import (
    canonical_form,
    corrections_around,
    event_page,
    posted_together,
    work_of,
)
from inventory_control.stock.selectors import (
    claims_of_keys,
    counts_of_events,
    ledger_horizon,
    lines_of_events,
)
from inventory_control.timelines.values import EventPage

SHOWN_OF_RAW = 20_000
CASES_SHOWN = 50


def page_of_event(pk: int) -> EventPage:
    """Everything about one event; a constant number of queries. Raises `UnknownEventError`."""
    event = event_page(pk)
    counts = counts_of_events([pk])
    claims = claims_of_keys([key]) if (key := claim_key(event)) else []
    corrects, corrected_by = corrections_around(event)
    lines = tuple(lines_of_events([pk]))
    return EventPage(
        event=event,
        raw=bytes(event.raw)[:SHOWN_OF_RAW].decode("utf-8", "backslashreplace"),
        normalised=canonical_form(event),
        lines=lines,
        are_lines_retired=not lines and _is_retired(event),
        count=counts[0] if counts else None,
        claim=claims[0] if claims else None,
        corrects=corrects,
        corrected_by=corrected_by,
        audit=_audit_entry(event),
        work=tuple(work_of(pk)),
        caused=tuple(_cases_caused_by(event)),
    )


def claim_key(event: InventoryEvent) -> str:
    """The key of the claim an event is about, or nothing."""
    order, line = event.details.get("order"), event.details.get("line")
    return f"{order}/{line}" if order and line else ""


def as_text(value: object) -> str:
    """A value as JSON a person can read."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _is_retired(event: InventoryEvent) -> bool:
    """Whether the part of the ledger that any line of an event would be in was retired."""
    horizon = ledger_horizon()
    return horizon is not None and event.recorded_at < horizon.posted_until


def _audit_entry(event: InventoryEvent) -> TimelineEntry | None:
    """The entry of the batch that posted an event: the one whose range and cause hold it."""
    subjects = [("batch", str(pk)) for pk in posted_together(event)]
    for entry in timeline_of(*subjects, limit=len(subjects)):
        causes = entry.data.get("correlation_ids", [entry.correlation_id])
        is_within = int(entry.data["first"]) <= event.pk <= int(entry.data["last"])
        if is_within and event.correlation_id in causes:
            return entry
    return None


def _cases_caused_by(event: InventoryEvent) -> list[ExceptionCase]:
    """Cases of its item that were opened under its correlation id."""
    if event.item_id is None:
        return []
    cases = ExceptionCase.objects.filter(
        item_id=event.item_id, correlation_id=event.correlation_id
    ).select_related("item", "node")
    return list(cases.order_by("pk")[:CASES_SHOWN])
