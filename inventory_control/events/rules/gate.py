"""The gate: which schema versions, days and repeats a tenant's policies let through."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from inventory_control.core.errors import Refused
from inventory_control.events.rules.attributes import Fault
from inventory_control.events.rules.validity import EVENT_TYPES
from inventory_control.events.states import SUSPECTABLE
from inventory_control.events.values import SCHEMAS, CanonicalEventV1, EventDraft, Gate

SCHEMA_POLICY, LOCK_POLICY, SUSPECT_POLICY = (
    "event_schemas",
    "period_lock",
    "suspected_duplicates",
)
POLICIES: Mapping[str, Mapping[str, Any]] = {
    SCHEMA_POLICY: {"accepted": [1, 2], "deprecated_since": {}},
    LOCK_POLICY: {"until": None},
    SUSPECT_POLICY: {
        "types": ["receipt.recorded", "return.received", "transfer.received"],
        "within_days": 7,
    },
}
"""Version 1 of the policies of the inbox."""
_LOCKED_KINDS = frozenset({"move", "assert", "correct"})
_MOST_DAYS = 400


def gate_of(policies: Mapping[str, Mapping[str, Any]]) -> Gate:
    """The policies in force as one value; a tenant that has none of a key gets its first version."""
    schemas = policies.get(SCHEMA_POLICY, POLICIES[SCHEMA_POLICY])
    lock = policies.get(LOCK_POLICY, POLICIES[LOCK_POLICY])
    suspects = policies.get(SUSPECT_POLICY, POLICIES[SUSPECT_POLICY])
    return Gate(
        accepted=frozenset(schemas["accepted"]),
        deprecated={
            int(version): date.fromisoformat(day)
            for version, day in schemas.get("deprecated_since", {}).items()
        },
        locked_until=None if lock["until"] is None else date.fromisoformat(lock["until"]),
        suspect_types=frozenset(suspects["types"]),
        suspect_within=timedelta(days=suspects["within_days"]),
    )


def version_fault(event: CanonicalEventV1, gate: Gate) -> Fault | None:
    """Why the version of an event is not taken, or None."""
    if event.schema_version in gate.accepted:
        return None
    taken = " or ".join(str(version) for version in sorted(gate.accepted))
    return Fault(
        "version_switched_off",
        "schema_version",
        f"Version {event.schema_version} is switched off here; send version {taken}.",
    )


def is_settled(event: CanonicalEventV1, gate: Gate) -> bool:
    """Whether an event would change stock of a day in the locked period."""
    if gate.locked_until is None:
        return False
    return EVENT_TYPES[event.type].kind in _LOCKED_KINDS and is_settled_on(event.occurred_at, gate)


def is_settled_on(moment: datetime, gate: Gate) -> bool:
    """Whether the day of a moment, in UTC, lies in the locked period."""
    return gate.locked_until is not None and utc_day(moment) <= gate.locked_until


def is_deprecated(version: int, gate: Gate, *, now: datetime) -> bool:
    """Whether a version is on its way out."""
    since = gate.deprecated.get(version)
    return since is not None and since <= utc_day(now)


def message_of(draft: EventDraft) -> tuple[object, ...] | None:
    """What makes two messages one business message, whatever their ids; None where nothing does.

    A delivery that its source numbers, a lot or a serial makes a message its own, and so does a
    business key: what names itself is told apart by that name.
    """
    event = draft.event
    if event.document is None or event.business_key is not None:
        return None
    delivery = (event.attributes or {}).get("delivery")
    return (
        draft.source, event.type, event.document, draft.item_id, draft.node_id, draft.to_node_id,
        event.quantity, event.order, event.line, event.lot, event.serial,
        repr(delivery),
    )  # fmt: skip


def check_event_schemas(value: Mapping[str, Any]) -> None:
    """Refuse versions nobody knows, and to switch every version off."""
    _only(value, ("accepted", "deprecated_since"))
    accepted = value.get("accepted")
    if not isinstance(accepted, list) or not accepted or not set(map(str, accepted)) <= _VERSIONS:
        raise Refused(f"accepted lists at least one of {_versions()}.", field="accepted")
    if not all(type(version) is int for version in accepted):
        raise Refused("Versions are whole numbers.", field="accepted")
    since = value.get("deprecated_since", {})
    if not isinstance(since, dict) or not set(since) <= _VERSIONS:
        raise Refused(f"deprecated_since names versions: {_versions()}.", field="deprecated_since")
    for version, day in since.items():
        _check_day(day, f"deprecated_since.{version}")


def check_period_lock(value: Mapping[str, Any]) -> None:
    """Refuse a lock that is no day; null lifts it."""
    _only(value, ("until",))
    if "until" not in value:
        raise Refused("Say until when: a day, or null for no lock.", field="until")
    if value["until"] is not None:
        _check_day(value["until"], "until")


def check_suspected_duplicates(value: Mapping[str, Any]) -> None:
    """Refuse types that carry no document of their own, and a span out of bounds."""
    _only(value, ("types", "within_days"))
    types = value.get("types")
    if not isinstance(types, list) or not all(one in SUSPECTABLE for one in types):
        raise Refused(f"types lists any of {', '.join(SUSPECTABLE)}.", field="types")
    days = value.get("within_days")
    if type(days) is not int or not 1 <= days <= _MOST_DAYS:
        raise Refused(f"within_days is 1 to {_MOST_DAYS}.", field="within_days")


_VERSIONS = frozenset(map(str, SCHEMAS))


def _versions() -> str:
    return ", ".join(sorted(_VERSIONS))


def _only(value: Mapping[str, Any], known: Collection[str]) -> None:
    if unknown := sorted(set(value) - set(known)):
        raise Refused(f"No field is called {unknown[0]}.", field=unknown[0])


def _check_day(day: object, field: str) -> None:
    try:
        date.fromisoformat(str(day))
    except ValueError:
        raise Refused(f"{field} is a day such as 2026-03-31.", field=field) from None


def utc_day(moment: datetime) -> date:
    """The day a moment belongs to in every book: that of UTC, whatever zone its sender writes."""
    return moment.astimezone(UTC).date()
