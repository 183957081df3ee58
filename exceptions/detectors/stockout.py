"""Stockout risk: an item at a node will run out before supply can come."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from exceptions.rules import (
    COVER_MARGIN_DAYS,
    cover_days,
    horizon_days,
    promotion_lift,
    response_time,
    severity_of,
    shortfall,
)
from exceptions.values import Finding, Holding, Scene


class Stockout:
    """What is available has come down to the level at which supply must be ordered.

    The level is the one planners fixed, if any. A fixed level is taken at its word: supply on
    order does not hide the risk, validation ends the case when that supply is enough (script
    S13). Otherwise the level is what will be asked for until an order placed at the next look
    arrives, plus a margin, and supply due by then counts as there. Safety stock is in neither:
    available-to-sell is already net of it. Promotions ahead raise both levels by what they add:
    a fixed level was made for usual demand.

    A place that ran dry is `OutOfStock`'s when it has demand: one risk, one case (`risk_of`).
    """

    key = "stockout"
    meaning = "Stock runs out before supply can come."
    watches_documents = False

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per ranged place at or below its level."""
        for holding in scene.holdings:
            if not holding.is_ranged or (holding.available <= 0 and holding.demand.units):
                continue
            level = reorder_level(holding, scene.at)
            due = due_supply(holding, scene.at)
            counted = 0 if holding.reorder_point is not None else due
            if level is not None and holding.available + counted <= level:
                yield self._finding(holding, level, due, scene.at)

    def _finding(self, holding: Holding, level: int, due: int, at: datetime) -> Finding:
        goods, demand = holding.goods, holding.demand
        horizon = horizon_days(goods.lead_time_days)
        lift = promotion_lift(holding.promotions, at, horizon)
        units = (
            shortfall(demand.over(horizon, lift), holding.available + due)
            if demand.units
            else shortfall(level, holding.available)
        )
        at_stake = units * goods.margin
        cover = cover_days(holding.available, demand.daily * float(1 + lift / horizon))
        nearness = holding.available / level if cover is None else cover / horizon
        severity = severity_of(1 - nearness, at_stake)
        lasts = "" if cover is None else f", {cover:.1f} days of demand"
        return Finding(
            kind=self.key,
            key=holding.key,
            severity=severity,
            summary=f"{goods.sku} at {holding.node}: {holding.available} available{lasts}; "
            f"supply takes {goods.lead_time_days} days",
            units=units,
            at_stake=at_stake,
            respond_within=response_time(severity),
            item_id=goods.item_id,
            node_id=holding.node_id,
            evidence=replenishment_evidence(holding, due, at)
            | {"reorder_level": level, "checks": supply_checks(holding, level, due, at)},
        )


def reorder_level(holding: Holding, at: datetime) -> int | None:
    """Units at which supply must be ordered; None where nothing is fixed and nobody asks."""
    horizon = horizon_days(holding.goods.lead_time_days)
    if holding.reorder_point is not None:
        return holding.reorder_point + promoted_units(holding, at)
    if not holding.demand.units:
        return None
    days = horizon + COVER_MARGIN_DAYS
    return holding.demand.over(days, promotion_lift(holding.promotions, at, days))


def promoted_units(holding: Holding, at: datetime) -> int:
    """Units that promotions add to what is expected until an order placed now arrives."""
    days = horizon_days(holding.goods.lead_time_days)
    lift = promotion_lift(holding.promotions, at, days)
    return holding.demand.over(days, lift) - holding.demand.over(days)


def due_supply(holding: Holding, at: datetime) -> int:
    """Units on order that arrive within the lead time; an order without a date counts."""
    if not holding.inbound:
        return 0
    until = at + timedelta(days=horizon_days(holding.goods.lead_time_days))
    return sum(
        supply.quantity
        for supply in holding.inbound
        if supply.expected_at is None or supply.expected_at <= until
    )


def supply_checks(holding: Holding, level: int, due: int, at: datetime) -> list[dict[str, object]]:
    """What speaks against ordering more, each check with the fact it rests on (LED-23).

    A check that passes would let the shortage go: enough is ordered, enough is on its way between
    nodes, stock lasts until an order placed now would come, also through the promotions ahead.
    Room is the one that must pass for an order to make sense at all.
    """
    ordered = sum(one.quantity for one in holding.inbound if not one.is_transfer)
    moving = sum(one.quantity for one in holding.inbound if one.is_transfer)
    late = sum(one.quantity for one in holding.inbound if one.expected_at and one.expected_at < at)
    horizon = horizon_days(holding.goods.lead_time_days)
    needed, promoted = holding.demand.over(horizon), promoted_units(holding, at)
    short = shortfall(level, holding.available + due)
    return [
        {
            "check": "open_purchase_orders",
            "passed": holding.available + ordered > level,
            "found": f"{ordered} units ordered" + _named(holding, is_transfer=False),
        },
        {
            "check": "in_transit",
            "passed": holding.available + moving > level,
            "found": f"{moving} units under way between nodes, {late} of all supply late"
            + _named(holding, is_transfer=True),
        },
        {
            "check": "lead_time",
            "passed": holding.available >= needed,
            "found": f"{needed} units asked for in the {horizon} days an order takes",
        },
        {
            "check": "capacity",
            "passed": holding.room is None or holding.room >= short,
            "found": "no limit" if holding.room is None else f"room for {holding.room} units",
        },
        {
            "check": "promotions",
            "passed": promoted <= 0 or holding.available >= needed + promoted,
            "found": _promoted(holding, promoted, horizon),
        },
    ]


def _named(holding: Holding, *, is_transfer: bool) -> str:
    names = [one.document for one in holding.inbound if one.is_transfer is is_transfer]
    return f" ({', '.join(names)})" if names else ""


def _promoted(holding: Holding, promoted: int, horizon: int) -> str:
    if not holding.promotions:
        return f"none planned for the {horizon} days an order takes"
    names = ", ".join(
        f"{one.code} {one.starts_at.date()} to {one.ends_at.date()}" for one in holding.promotions
    )
    return f"{promoted} units more asked for in the {horizon} days an order takes ({names})"


def replenishment_evidence(holding: Holding, due: int, at: datetime) -> dict[str, object]:
    """The figures behind a risk of running out; promotions and old numbers where there are any.

    Late supply is supply still, and says so.
    """
    cover = cover_days(holding.available, holding.demand.daily)
    evidence: dict[str, object] = {
        "available": holding.available,
        "sellable": holding.sellable,
        "reserved": holding.reserved,
        "allocated": holding.allocated,
        "safety_stock": holding.safety_stock,
        "is_level_fixed": holding.reorder_point is not None,
        "daily_demand": f"{holding.demand.daily:.2f}",
        "demand_units": holding.demand.units,
        "demand_open_days": holding.demand.open_days,
        "cover_days": None if cover is None else f"{cover:.1f}",
        "lead_time_days": holding.goods.lead_time_days,
        "due_supply": due,
        "inbound": [
            {
                "document": supply.document,
                "units": supply.quantity,
                "expected_at": supply.expected_at.isoformat() if supply.expected_at else None,
                "is_transfer": supply.is_transfer,
                "is_late": supply.expected_at is not None and supply.expected_at < at,
            }
            for supply in holding.inbound
        ],
        "unit_margin": str(holding.goods.margin),
    }
    if (stale := holding.stale_minutes(at)) is not None:
        evidence["stale_minutes"] = stale
    if holding.promotions:
        evidence["promoted_units"] = promoted_units(holding, at)
        evidence["promotions"] = [
            {
                "code": one.code,
                "starts_at": one.starts_at.isoformat(),
                "ends_at": one.ends_at.isoformat(),
                "uplift": str(one.uplift),
            }
            for one in holding.promotions
        ]
    return evidence
