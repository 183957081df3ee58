"""What customers said about being told anything, and what is said to have become of messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from inventory_control.core.sql import hot, texts
from inventory_control.events.values import ConsentFact, OutcomeFact

# The types stand here as the index `event_of_consent` has them; a parameter would not use it.
_CONSENTS = """
    SELECT o.details ->> 'customer', o.id, o.type = 'consent.given',
           coalesce(o.details #>> '{attributes,medium}', ''),
           coalesce(o.details #>> '{attributes,purpose}', ''),
           least(o.occurred_at, o.recorded_at), o.source, o.source_id
      FROM events_inventoryevent o
     WHERE o.type IN ('consent.given', 'consent.withdrawn')
       AND o.details ->> 'customer' = ANY(%(customers)s::text[])
       AND NOT EXISTS (
               SELECT FROM events_correction c WHERE c.fact_id = o.id AND c.is_standing
           )
     ORDER BY o.occurred_at, o.id
"""
_OUTCOMES = """
    SELECT DISTINCT ON (o.details ->> 'document')
           o.details ->> 'document', o.id, o.type, o.occurred_at,
           coalesce(o.details ->> 'reason', '')
      FROM events_inventoryevent o
     WHERE o.details ? 'document' AND o.details ->> 'document' = ANY(%(documents)s::text[])
       AND o.type IN ('notification.delivered', 'notification.failed')
       AND NOT EXISTS (
               SELECT FROM events_correction c WHERE c.fact_id = o.id AND c.is_standing
           )
     ORDER BY o.details ->> 'document', o.occurred_at DESC, o.source DESC, o.source_id DESC
"""


def consents_of(customers: Iterable[str]) -> dict[str, list[ConsentFact]]:
    """Everything some customers agreed to and took back, by their tokens, each in order.

    Read from the events themselves, so that what was posted a moment ago counts. What was
    corrected since does not.
    """
    found: dict[str, list[ConsentFact]] = defaultdict(list)
    for customer, *fact in hot(_CONSENTS, {"customers": texts(set(customers))}):
        found[customer].append(ConsentFact(*fact))
    return found


def outcomes_of(documents: Iterable[str]) -> list[OutcomeFact]:
    """The latest that was said of some messages, one for each that anything was said of."""
    return [OutcomeFact(*row) for row in hot(_OUTCOMES, {"documents": texts(set(documents))})]
