"""The facts around a risk as they were when its case opened (EVT-18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from exceptions.rules import margin_band
from exceptions.values import Finding
from inventory_control.catalog.models import Item, Promotion
from inventory_control.core.places import Place
from inventory_control.events.selectors import staleness
from inventory_control.events.values import Freshness
from inventory_control.orders.selectors import inbound_supply
from inventory_control.orders.values import InboundSupply
from inventory_control.stock.selectors import positions_at
from inventory_control.stock.values import Position

PROMOTIONS_AHEAD = timedelta(days=56)
"""How far ahead a promotion is worth telling."""


def facts_of(findings: Sequence[Finding], at: datetime) -> dict[str, dict[str, object]]:
    """What goes into the evidence of new cases under `facts`, by case key.

    Class, margin, promotions and supplier of the item; supply on order and in transit to the
    place, and how old the word on it is. Five statements, whatever the number of findings.
    """
    about = [finding for finding in findings if finding.item_id is not None]
    if not about:
        return {}
    item_ids = {finding.item_id for finding in about}
    items = Item.objects.select_related("supplier").in_bulk(item_ids)
    promotions: dict[int, list[Promotion]] = {}
    for one in Promotion.objects.filter(
        item_id__in=item_ids,
        is_cancelled=False,
        ends_at__gt=at,
        starts_at__lt=at + PROMOTIONS_AHEAD,
    ).order_by("starts_at", "code"):
        promotions.setdefault(one.item_id, []).append(one)
    places = [place for finding in about if (place := _place(finding)) is not None]
    supply, positions = inbound_supply(places), positions_at(places)
    freshness = staleness({node for _, node in places}, at=at)
    facts: dict[str, dict[str, object]] = {}
    for finding in about:
        item, place = items[finding.item_id], _place(finding)
        told: dict[str, object] = {"at": at.isoformat(), **_item_facts(item)}
        told["promotions"] = [
            _promotion(one)
            for one in promotions.get(item.pk, [])
            if one.node_id in (None, finding.node_id)
        ]
        if place is not None:
            told |= _supply_facts(supply[place], positions.get(place))
            told["freshness"] = _freshness(freshness.get(place[1]), at)
        facts[finding.case_key] = {"facts": told}
    return facts


def _place(finding: Finding) -> Place | None:
    if finding.item_id is None or finding.node_id is None:
        return None
    return finding.item_id, finding.node_id


def _item_facts(item: Item) -> dict[str, object]:
    supplier = item.supplier
    margin = item.unit_price - item.unit_cost if item.unit_price else None
    share = margin / item.unit_price if margin is not None else None
    return {
        "item_class": item.item_class,
        "unit_cost": str(item.unit_cost),
        "unit_margin": None if margin is None else str(margin),
        "margin_share": None if share is None else str(share.quantize(Decimal("0.001"))),
        "margin_band": margin_band(share),
        "supplier": supplier
        and {
            "code": supplier.code,
            "lead_time_days": supplier.lead_time_days,
            "lead_time_sd_days": str(supplier.lead_time_sd_days),
        },
    }


def _promotion(one: Promotion) -> Mapping[str, str]:
    return {
        "code": one.code,
        "starts_at": one.starts_at.isoformat(),
        "ends_at": one.ends_at.isoformat(),
        "uplift": str(one.uplift),
    }


def _supply_facts(supply: Sequence[InboundSupply], position: Position | None) -> dict[str, object]:
    ordered = [one for one in supply if not one.is_transfer]
    return {
        "open_purchase_orders": [_supply(one) for one in ordered],
        "on_order": sum(one.quantity for one in ordered),
        "open_transfers": [_supply(one) for one in supply if one.is_transfer],
        "in_transit": position.in_transit if position else 0,
    }


def _supply(one: InboundSupply) -> Mapping[str, Any]:
    return {
        "document": one.document,
        "units": one.quantity,
        "expected_at": one.expected_at.isoformat() if one.expected_at else None,
    }


def _freshness(freshness: Freshness | None, at: datetime) -> Mapping[str, Any] | None:
    if freshness is None:
        return None
    return {
        "source": freshness.source,
        "age_minutes": freshness.age_minutes(at),
        "is_stale": freshness.is_stale(at),
    }
