"""What the inbox decides: whether an event is valid, what its version means, what policy allows. Pure."""

from inventory_control.events.rules.gate import (
    POLICIES,
    check_event_schemas,
    check_period_lock,
    check_suspected_duplicates,
    gate_of,
    is_deprecated,
    is_settled,
    is_settled_on,
    message_of,
    version_fault,
)
from inventory_control.events.rules.validity import (
    EVENT_TYPES,
    OLDEST_ACCEPTED,
    REPORTED_MEASURES,
    SKEW_REFUSED,
    Fault,
    TypeRule,
    fault_of,
    flags_of,
)
from inventory_control.events.rules.versions import upcast

__all__ = [
    "EVENT_TYPES",
    "OLDEST_ACCEPTED",
    "POLICIES",
    "REPORTED_MEASURES",
    "SKEW_REFUSED",
    "Fault",
    "TypeRule",
    "check_event_schemas",
    "check_period_lock",
    "check_suspected_duplicates",
    "fault_of",
    "flags_of",
    "gate_of",
    "is_deprecated",
    "is_settled",
    "is_settled_on",
    "message_of",
    "upcast",
    "version_fault",
]
