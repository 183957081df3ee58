"""Versions of the canonical event: whatever came becomes version 1, which everything behind reads."""

from __future__ import annotations

from inventory_control.events.values import CanonicalEventV1, CanonicalEventV2


def upcast(event: CanonicalEventV2) -> CanonicalEventV1:
    """The same fact in version 1; it keeps saying which version it came in."""
    item, place, order, state = event.item, event.place, event.order, event.state
    return CanonicalEventV1(
        type=event.type,
        source_id=event.id,
        occurred_at=event.occurred_at,
        source=event.source,
        schema_version=event.schema_version,
        business_key=event.business_key,
        correlation_id=event.correlation_id,
        item=(item.sku or item.gtin or item.name) if item else None,
        node=place.node if place else None,
        to_node=place.to_node if place else None,
        quantity=event.quantity,
        from_state=state.before if state else None,
        to_state=state.after if state else None,
        channel=event.channel,
        order=order.id if order else None,
        line=order.line if order else None,
        document=event.document,
        supplier=event.supplier,
        lot=item.lot if item else None,
        serial=item.serial if item else None,
        system=event.system,
        customer=event.customer,
        reason=event.reason,
        note=event.note,
        due_at=event.due_at,
        corrects=event.corrects,
        attributes=event.attributes,
    )
