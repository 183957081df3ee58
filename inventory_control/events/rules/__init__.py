"""What the inbox decides: what is valid, what versions mean, what policy allows, what sources are worth.

Pure.
"""

from inventory_control.events.rules.attributes import (
    PERSONAL,
    Fault,
    is_address,
    personal_keys,
    personal_names,
    personal_texts,
)
from inventory_control.events.rules.corrections import standing
from inventory_control.events.rules.gate import (
    LOCK_POLICY,
    POLICIES,
    check_event_schemas,
    check_period_lock,
    check_suspected_duplicates,
    gate_of,
    is_deprecated,
    is_settled,
    is_settled_on,
    message_of,
    utc_day,
    version_fault,
)
from inventory_control.events.rules.quality import (
    SHARES,
    check_freshness,
    is_silent,
    next_look,
    quality_of,
)
from inventory_control.events.rules.serials import serial_story
from inventory_control.events.rules.validity import (
    EVENT_TYPES,
    OLDEST_ACCEPTED,
    REPORTED_MEASURES,
    SKEW_REFUSED,
    TypeRule,
    fault_of,
    flags_of,
)
from inventory_control.events.rules.versions import upcast

__all__ = [
    "EVENT_TYPES",
    "LOCK_POLICY",
    "OLDEST_ACCEPTED",
    "PERSONAL",
    "POLICIES",
    "REPORTED_MEASURES",
    "SHARES",
    "SKEW_REFUSED",
    "Fault",
    "TypeRule",
    "check_event_schemas",
    "check_freshness",
    "check_period_lock",
    "check_suspected_duplicates",
    "fault_of",
    "flags_of",
    "gate_of",
    "is_address",
    "is_deprecated",
    "is_settled",
    "is_settled_on",
    "is_silent",
    "message_of",
    "next_look",
    "personal_keys",
    "personal_names",
    "personal_texts",
    "quality_of",
    "serial_story",
    "standing",
    "upcast",
    "utc_day",
    "version_fault",
]
